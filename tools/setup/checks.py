"""
``python tools/setup/checks.py STAGE...``: run the stages, all of them whatever fails, and count.

The last line is ``N passed, N failed``.  A test that failed or ended in an error counts one; so
does each other stage.  Exit status 1 if anything failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"

STAGES: dict[str, list[str]] = {
    "trial": ["trial", "tests"],
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "imports": ["lint-imports", "--no-cache"],
    "types": ["mypy"],
}
_SUMMARY = re.compile(r"^(PASSED|FAILED)(?: \((.*)\))?$")


def main(names: list[str]) -> int:
    passed = failed = 0
    for name in names:
        command = STAGES[name]
        print(f"== {name}: {' '.join(command)}", flush=True)
        started = time.monotonic()
        status, lines = _show([str(BIN / command[0]), *command[1:]])
        good, bad = (
            count(lines, status) if name == "trial" else (int(not status), int(bool(status)))
        )
        passed, failed = passed + good, failed + bad
        verdict = "failed" if bad else "passed"
        print(f"== {name}: {verdict} after {time.monotonic() - started:.0f} s", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


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


def _show(command: list[str]) -> tuple[int, list[str]]:
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
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line.rstrip())
    return process.returncode, lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
