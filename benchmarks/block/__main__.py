"""
``python -m benchmarks.block``: see ``choices`` for what can be chosen, ``report`` for the output.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.block import content, place, steady
from benchmarks.block.choices import Choices, chosen
from benchmarks.block.control import start_reactor
from benchmarks.block.ours import Daemon
from benchmarks.block.report import Report

PROGRAMS = {"fio": "fio", "nbdkit": "nbdkit", "qemu-nbd": "qemu-utils", "qemu-img": "qemu-utils"}


def main() -> int:
    missing = {package for name, package in PROGRAMS.items() if shutil.which(name) is None}
    if missing:
        print(f"bench-block: Debian packages are missing: {' '.join(sorted(missing))}")
        return 2
    choices = chosen()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    start_reactor()
    report = Report()
    begun = time.monotonic()
    with place.workplace(choices.directory) as home:
        _measure(choices, home, report)
    report.say(
        f"{report.count} figures in {time.monotonic() - begun:.0f} s, "
        f"{len(report.short)} short: {' '.join(report.short) or '-'}"
    )
    return int(bool(report.short))


def _measure(choices: Choices, home: Path, report: Report) -> None:
    raw = content.write_raw(home / "base.raw")
    with daemon_in(home / "a") as daemon:
        content.prepare(daemon)
        place.settle([home])
        steady.run(choices, daemon, raw, report)


@contextlib.contextmanager
def daemon_in(home: Path) -> Iterator[Daemon]:
    """
    A daemon, until the block ends.
    """
    daemon = Daemon(home)
    try:
        yield daemon
    finally:
        daemon.stop()


if __name__ == "__main__":
    sys.exit(main())
