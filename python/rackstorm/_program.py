"""Where the program is, and how it is called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

#: An expectation of the scenario was missed; all results are there.
MISSED = 1


class Failure(RuntimeError):
    """The program did not do what it was asked to.

    ``code`` is its exit code (``rackstorm --help`` lists them), ``text`` what it said.
    """

    def __init__(self, command: Sequence[str], code: int, text: str) -> None:
        super().__init__(text.strip() or f"{command[0]} ended with exit code {code}")
        self.command = list(command)
        self.code = code
        self.text = text


def program() -> Path:
    """The program: ``RACKSTORM_BIN``, else that of this package's wheel, else that of the PATH."""
    named = os.environ.get("RACKSTORM_BIN")
    if named:
        return Path(named)
    name = "rackstorm.exe" if os.name == "nt" else "rackstorm"
    own = Path(sysconfig.get_path("scripts")) / name
    found = own if own.is_file() else shutil.which(name)
    if found is None:
        raise FileNotFoundError(
            "the program rackstorm is neither installed with this package nor on the PATH; "
            "RACKSTORM_BIN may name it"
        )
    return Path(found)


def call(arguments: Sequence[str], *, also: Sequence[int] = ()) -> str:
    """What the program prints; a :class:`Failure` unless it ends with 0 or one of ``also``.

    What it says of its progress goes to this process's own standard error.
    """
    command = [str(program()), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0 and done.returncode not in also:
        raise Failure(command, done.returncode, done.stderr)
    return done.stdout


def version() -> str:
    """The version of the program, such as ``0.1.0``."""
    return call(["--version"]).split()[1]
