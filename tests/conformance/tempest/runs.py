"""
Tempest in a virtual environment of its own, and what its tests found.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

HERE = Path(__file__).parent
RELEASE = "47.0.0"
CACHE = Path(os.environ.get("SYNNEFO_CACHE") or HERE.parents[2] / "build").resolve()
HOME = CACHE / f"tempest-{RELEASE}"
LOCK = HERE / "requirements.lock"


@frozen
class Outcome:
    """
    What became of a test (or of a class, which then stands for its tests).

    outcome: "passed", "failed" or "skipped".  said: the reason, or the traceback.
    """

    test: str
    outcome: str
    said: str


@frozen
class Asked:
    """
    Which tests, and how they are run.

    tests, but_not: regular expressions of names.  at_once: tests side by side.  patience_s: how
    long all of them may take.  lane: runs of one lane wait for one another on this machine, for
    they slow one another down to their time limits.
    """

    tests: str
    but_not: str | None = None
    at_once: int = 1
    patience_s: float = 3600.0
    lane: str = "api"


def install() -> None:
    """
    Tempest and what it needs, as locked, from the package index, unless they are there.
    """
    locked, installed = LOCK.read_text(), HOME / "installed"
    if installed.exists() and installed.read_text() == locked:
        return
    print(f"conformance: installing tempest {RELEASE} in {HOME}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True)
    pip = [str(HOME / "bin" / "pip"), "install", "-q", "-r", str(LOCK)]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    installed.write_text(locked)


def configuration(template: Path, given: Mapping[str, str]) -> str:
    """
    The text of `template` with each ``@NAME@`` replaced.
    """
    text = template.read_text()
    for name, value in given.items():
        text = text.replace(f"@{name}@", value)
    return text


def judged(home: Path, conf: str, asked: Asked) -> Sequence[Outcome]:
    """
    The outcome of every test asked for, in the order of their ends.

    home: a directory that the run may fill.  conf: the text of tempest.conf.  Raises
    subprocess.TimeoutExpired.
    """
    work = Path(tempfile.mkdtemp(prefix="tempest", dir=home))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"HOME": str(work), "PATH": f"{HOME / 'bin'}:{environment['PATH']}"}
    workspace = work / "workspace"
    init = [str(HOME / "bin" / "tempest"), "init", str(workspace)]
    subprocess.run(init, check=True, env=environment, capture_output=True)
    (workspace / "etc" / "tempest.conf").write_text(conf)
    stream = work / "subunit"
    with _alone(asked.lane), stream.open("wb") as out:
        subprocess.run(
            _run(asked),
            cwd=workspace,
            env=environment,
            stdout=out,
            check=False,
            timeout=asked.patience_s,
        )
    with stream.open("rb") as told:
        reader = [HOME / "bin" / "python", HERE / "outcomes.py"]
        read = subprocess.run(reader, stdin=told, check=True, stdout=subprocess.PIPE, text=True)
    return [Outcome(*json.loads(line)) for line in read.stdout.splitlines()]


def _run(asked: Asked) -> list[str]:
    command = [str(HOME / "bin" / "tempest"), "run", "--subunit", "--regex", asked.tests]
    if asked.but_not is not None:
        command += ["--exclude-regex", asked.but_not]
    return [*command, *(("-w", str(asked.at_once)) if asked.at_once > 1 else ("--serial",))]


@contextmanager
def _alone(lane: str) -> Iterator[None]:
    with (CACHE / f"tempest-{lane}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
