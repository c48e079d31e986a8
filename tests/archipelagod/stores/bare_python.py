"""
Processes such as the data-path worker is: Python without site packages.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

_ROOT = str(Path(__file__).resolve().parents[3])


def start_python(case: SynchronousTestCase, program: str, *arguments: str) -> subprocess.Popen[str]:
    """
    Runs ``program`` with pipes; killed at the latest when the test ends.
    """
    start = f"import sys; sys.path.insert(0, {_ROOT!r})\n"
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", start + program, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def end() -> None:
        process.kill()
        process.communicate()

    case.addCleanup(end)
    return process


def said(process: subprocess.Popen[str]) -> str:
    """
    The next line that the process prints.
    """
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str], line: str) -> None:
    """
    A line for the process to read.
    """
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
