"""The reader against the program: ``RACKSTORM_BIN=target/debug/rackstorm python -m unittest``."""

from __future__ import annotations

import csv
import os
import tempfile
import unittest
from importlib.util import find_spec
from pathlib import Path

import rackstorm

STORM = """
schema  = 1
title   = "A module boots"
inherit = "cluster_module_150"
[stop]
when = "all up"
at   = "20 min"
[expect]
boot_t100 = "< 1 s"
"""

SWEEP = STORM.replace("[expect]\nboot_t100 = \"< 1 s\"\n", "") + """
[sweep]
"boot.method" = ["pxe-nfs", "sd"]
"""

PACKAGES = [name for name in ("polars", "pandas") if find_spec(name)]


class Reader(unittest.TestCase):
    def setUp(self) -> None:
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(place.name)
        Path("storm.toml").write_text(STORM)
        Path("sweep.toml").write_text(SWEEP)

    def test_a_run_has_the_metrics_of_its_table_and_the_demands_that_it_missed(self) -> None:
        run = rackstorm.run("storm.toml", seed=7)
        with open(run.folder / "metrics.csv", newline="") as rows:
            table = {row["name"]: float(row["value"]) for row in csv.DictReader(rows)}
        self.assertEqual(run.metrics, table)
        self.assertEqual(len(run.missed), 1)
        self.assertTrue(run.missed[0].startswith("boot_t100 < 1 s (it is "))
        self.assertEqual(run.manifest["seed"], 7)
        self.assertEqual(rackstorm.load(run.folder).fingerprint, run.fingerprint)

    def test_what_is_set_is_played(self) -> None:
        run = rackstorm.run("storm.toml", set={"cluster.modules": 2, "expect.boot_t100": "< 1 h"})
        self.assertEqual((run.metrics["nodes"], run.missed), (300, []))

    def test_tables_are_frames_of_either_package(self) -> None:
        self.assertTrue(PACKAGES, "neither polars nor pandas is installed")
        for frames in PACKAGES:
            run = rackstorm.run("storm.toml", events="all", frames=frames)
            self.assertEqual(type(run.series).__module__.split(".")[0], frames)
            self.assertEqual(len(run.nodes), 150)
            self.assertEqual(list(run.boots.columns), ["node", "stage", "from_s", "to_s"])
            self.assertEqual(len(run.events()), run.manifest["events"])
            self.assertEqual(len(run.table("plan/nodes")), 150)

    def test_a_study_has_a_row_for_each_run(self) -> None:
        for frames in PACKAGES:
            study = rackstorm.study("sweep.toml", replications=3, frames=frames)
            self.assertEqual(len(study.runs), 6)
            self.assertEqual(sorted(set(study.runs["boot.method"])), ["pxe-nfs", "sd"])
            self.assertGreater(len(study.summary), 0)

    def test_a_mistake_is_a_failure_with_its_place(self) -> None:
        Path("bad.toml").write_text(STORM + "[boot]\nmethod = \"carrier pigeon\"\n")
        with self.assertRaises(rackstorm.Failure) as caught:
            rackstorm.run("bad.toml")
        self.assertEqual(caught.exception.code, 2)
        self.assertIn("bad.toml", str(caught.exception))
        self.assertIn("carrier pigeon", str(caught.exception))

    def test_what_is_no_results_folder_is_said(self) -> None:
        with self.assertRaises(FileNotFoundError):
            rackstorm.load("nowhere")
        with self.assertRaises(FileNotFoundError):
            rackstorm.load_study("nowhere")

    def test_a_program_that_is_not_there_is_said(self) -> None:
        named = os.environ.pop("RACKSTORM_BIN", None)
        path, os.environ["PATH"] = os.environ["PATH"], ""
        try:
            own = rackstorm._program.sysconfig.get_path("scripts")
            if not (Path(own) / "rackstorm").exists():
                with self.assertRaises(FileNotFoundError):
                    rackstorm.run("storm.toml")
        finally:
            os.environ["PATH"] = path
            if named is not None:
                os.environ["RACKSTORM_BIN"] = named

    def test_the_version_is_that_of_the_program(self) -> None:
        self.assertRegex(rackstorm.version(), r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()
