"""Results folders of runs and studies, as Python sees them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union

from ._program import call

if TYPE_CHECKING:
    import pandas
    import polars

    Frame = Union["polars.DataFrame", "pandas.DataFrame"]
else:
    Frame = Any

Frames = Literal["polars", "pandas"]


def chosen(frames: Frames | None) -> Frames:
    """The package that frames are of."""
    if frames is not None:
        return frames
    for name in ("polars", "pandas"):
        if find_spec(name) is not None:
            return name
    raise ModuleNotFoundError(
        "tables need polars or pandas: pip install 'rackstorm[polars]'; metrics need neither"
    )


def read_csv(source: Path | io.StringIO, frames: Frames | None) -> Frame:
    """A table as a frame: columns have the type that all of their rows have."""
    if chosen(frames) == "polars":
        import polars

        return polars.read_csv(source, infer_schema_length=None)
    import pandas

    return pandas.read_csv(source)


@dataclass(frozen=True)
class Run:
    """A run and its results folder. Tables are read when they are asked for.

    Units are SI: seconds, bytes, watts, joules; nodes count from 1.
    """

    folder: Path
    frames: Frames | None = None
    manifest: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        text = (self.folder / "manifest.json").read_text(encoding="utf-8")
        object.__setattr__(self, "manifest", json.loads(text))

    @property
    def missed(self) -> list[str]:
        """The demands of ``[expect]`` that it missed, each with what was found."""
        return list(self.manifest["missed"])

    @property
    def fingerprint(self) -> str | None:
        """The hash over all its events; ``None`` of a run that did not come to its end."""
        fingerprint: str | None = self.manifest["fingerprint"]
        return fingerprint

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Each metric that has a meaning in this run, by its name in ``docs/metrics.md``."""
        with open(self.folder / "metrics.csv", encoding="utf-8", newline="") as rows:
            return {row["name"]: float(row["value"]) for row in csv.DictReader(rows)}

    def table(self, name: str) -> Frame:
        """A table of the folder by its name: ``jobs``, ``plan/nodes``, ..."""
        return read_csv(self.folder / f"{name}.csv", self.frames)

    @cached_property
    def series(self) -> Frame:
        """Quantities over time: ``series``, ``unit``, ``t_s``, ``min``, ``mean``, ``max``."""
        return self.table("series")

    @cached_property
    def nodes(self) -> Frame:
        """A row for each node."""
        return self.table("nodes")

    @cached_property
    def boots(self) -> Frame:
        """The stages of the first boot of a sample of nodes."""
        return self.table("boots")

    @cached_property
    def jobs(self) -> Frame:
        """A row for each job."""
        return self.table("jobs")

    def events(self) -> Frame:
        """The event log, a row for each event that was recorded."""
        return read_csv(io.StringIO(call(["events", str(self.folder)])), self.frames)


@dataclass(frozen=True)
class Study:
    """A study and its folder."""

    folder: Path
    frames: Frames | None = None

    @cached_property
    def runs(self) -> Frame:
        """A row for each run: its parameters, seed, status and metrics."""
        return read_csv(self.folder / "results.csv", self.frames)

    @cached_property
    def summary(self) -> Frame:
        """A row for each cell and metric: mean, interval, and the difference to the reference."""
        return read_csv(self.folder / "summary.csv", self.frames)


def load(folder: str | Path, *, frames: Frames | None = None) -> Run:
    """Reads the results folder of a run."""
    return Run(Path(folder), frames)


def load_study(folder: str | Path, *, frames: Frames | None = None) -> Study:
    """Reads the folder of a study."""
    if not (Path(folder) / "results.csv").is_file():
        raise FileNotFoundError(f"{folder} has no results.csv: is the study merged?")
    return Study(Path(folder), frames)
