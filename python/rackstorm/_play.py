"""Plays scenarios and studies."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ._program import MISSED, call
from ._results import Frames, Run, Study, load, load_study


def quantity(value: Any) -> str:
    """A value as ``--set`` takes it: TOML, or a text as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return json.dumps(value)


def overrides(set: Mapping[str, Any] | None, seed: int | None) -> list[str]:
    """The flags of what is overridden."""
    flags = [f"--set={key}={quantity(value)}" for key, value in (set or {}).items()]
    return flags if seed is None else [*flags, f"--seed={seed}"]


def run(
    scenario: str | os.PathLike[str],
    *,
    seed: int | None = None,
    set: Mapping[str, Any] | None = None,
    on: str = "model",
    events: Literal["all", "faults", "none"] | None = None,
    report: bool = False,
    out: str | os.PathLike[str] = "results",
    frames: Frames | None = None,
) -> Run:
    """Plays a scenario into a results folder, and reads it.

    ``set`` overrides keys: ``{"boot.method": "sd", "cluster.modules": 2}``. With ``report`` the page
    and its figures are drawn. A missed expectation is no failure: see :attr:`Run.missed`. Raises
    :class:`Failure` with all mistakes of the file, or why the run failed.
    """
    flags = ["run", os.fspath(scenario), "--json", f"--on={on}", f"--out={os.fspath(out)}"]
    flags += overrides(set, seed)
    flags += [f"--events={events}"] if events else []
    flags += [] if report else ["--no-report"]
    printed = call(flags, also=[MISSED])
    return load(json.loads(printed.splitlines()[0])["results"], frames=frames)


def study(
    scenario: str | os.PathLike[str],
    *,
    seed: int | None = None,
    set: Mapping[str, Any] | None = None,
    replications: int | None = None,
    precision: float | None = None,
    jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    frames: Frames | None = None,
) -> Study:
    """Plays a scenario over its axes and seeds, and reads its tables.

    Begun again with the same arguments, it goes on where it was stopped. ``precision`` is the share
    of the mean that half the width of the interval may have.
    """
    where = Path(out) if out is not None else Path("results") / f"{Path(scenario).stem}-study"
    flags = ["study", os.fspath(scenario), "--quiet", f"--out={where}", *overrides(set, seed)]
    named = {"replications": replications, "precision": precision, "jobs": jobs}
    flags += [f"--{name}={value}" for name, value in named.items() if value is not None]
    call(flags)
    return load_study(where, frames=frames)
