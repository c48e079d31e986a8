"""
``python tools/setup/checks.py STAGE...``: run the stages, all of them whatever fails, and count.

Stages run side by side (``lanes.py`` says which do not), and each line begins with the name of its
own.  What failed is shown again at the end.  The last line is ``N passed, N failed``.  A test that
failed or ended in an error counts one; so does each other stage.  Exit status 1 if anything failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import lanes

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"

TRIAL = "trial"  # stands for all lanes
STAGES: dict[str, list[str]] = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "imports": ["lint-imports", "--no-cache"],
    "types": ["mypy"],
}
MOST_SHOWN = 400  # lines of a stage that failed, again
_SUMMARY = re.compile(r"^(PASSED|FAILED)(?: \((.*)\))?$")
_FIRST_FAILURE = re.compile(r"^\[(FAIL|ERROR|SUCCESS!\?!)\]$")


class Done(NamedTuple):
    """
    What became of a stage.
    """

    name: str
    status: int
    lines: list[str]
    is_trial: bool

    @property
    def counted(self) -> tuple[int, int]:
        """
        How many passed and failed.
        """
        if self.is_trial:
            return count(self.lines, self.status)
        return int(not self.status), int(bool(self.status))


def main(names: list[str]) -> int:
    commands = {name: STAGES[name] for name in names if name != TRIAL}
    tests = lanes.commands(ROOT) if TRIAL in names else {}
    last = {lanes.ALONE: tests.pop(lanes.ALONE)} if tests else {}
    done = [*_side_by_side(tests | commands, set(tests)), *_side_by_side(last, set(last))]
    for each in done:
        if each.counted[1]:
            _show_again(each)
    passed, failed = (sum(each.counted[which] for each in done) for which in (0, 1))
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def _side_by_side(commands: dict[str, list[str]], trials: set[str]) -> Iterable[Done]:
    with ThreadPoolExecutor(max(1, len(commands))) as threads:
        started = [
            threads.submit(_run, name, command, name in trials)
            for name, command in commands.items()
        ]
        return [each.result() for each in started]


def _run(name: str, command: list[str], is_trial: bool) -> Done:
    _say(name, f"== {' '.join(command)}")
    started = time.monotonic()
    status, lines = _show(name, [str(BIN / command[0]), *command[1:]])
    done = Done(name, status, lines, is_trial)
    verdict = "failed" if done.counted[1] else "passed"
    _say(name, f"== {verdict} after {time.monotonic() - started:.0f} s")
    return done


def count(lines: list[str], status: int) -> tuple[int, int]:
    """
    Tests that passed and that failed, of trial's output.  A run that broke off counts as failed.
    """
    found = [match for line in lines if (match := _SUMMARY.match(line))]
    if not found:
        return 0, 1
    fields = dict(re.findall(r"(\w+)=(\d+)", found[-1][2] or ""))
    numbers = {key: int(value) for key, value in fields.items()}
    passed = numbers.get("successes", 0) + numbers.get("expectedFailures", 0)
    failed = sum(numbers.get(key, 0) for key in ("failures", "errors", "unexpectedSuccesses"))
    if status and not failed:
        failed = 1
    if not status and not passed:
        failed += 1  # no test ran: that is not a success
    return passed, failed


def _show(name: str, command: list[str]) -> tuple[int, list[str]]:
    """
    Run in the checkout, show the output as it comes; exit status and lines.
    """
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            _say(name, lines[-1])
    return process.returncode, lines


def _say(name: str, text: str) -> None:
    sys.stdout.write(f"{name:12} {text}\n")  # one write: lines of two stages don't mix
    sys.stdout.flush()


def failures(done: Done) -> list[str]:
    """
    The lines that say what failed.
    """
    first = 0
    if done.is_trial:
        places = (at for at, line in enumerate(done.lines) if _FIRST_FAILURE.match(line))
        first = next(places, 0)
    return done.lines[first:][-MOST_SHOWN:]


def _show_again(done: Done) -> None:
    print(f"\n== {done.name} failed:", *failures(done), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
