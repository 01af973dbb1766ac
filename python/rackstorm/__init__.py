"""Plays scenarios with the program ``rackstorm``, and reads what runs and studies left.

    >>> import rackstorm
    >>> run = rackstorm.run("storm.toml", seed=7, set={"boot.method": "sd"})
    >>> run.metrics["boot_t100"]                     # seconds, as docs/metrics.md says
    >>> run.series                                   # a frame of polars, or of pandas
    >>> rackstorm.load("results/storm/7-model-1f0c2ab9").nodes
    >>> rackstorm.study("interval.toml").runs        # a row for each run

Frames are those of polars where it is installed, else of pandas; ``frames="pandas"`` chooses.
"""

from ._program import Failure, program, version
from ._results import Run, Study, load, load_study
from ._play import run, study

__all__ = [
    "Failure",
    "Run",
    "Study",
    "load",
    "load_study",
    "program",
    "run",
    "study",
    "version",
]
