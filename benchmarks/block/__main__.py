"""
``python -m benchmarks.block``: see ``choices`` for what can be chosen, ``report`` for the output.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.block import (
    bulk,
    chain,
    clones,
    content,
    first_writes,
    memory,
    place,
    scale,
    steady,
    tail,
    wire,
)
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
    with place.workplace(choices.directory) as home:
        _measure(choices, home, report)
    report.say(
        f"{report.count} figures, {len(report.short)} short: {' '.join(report.short) or '-'}"
    )
    return int(bool(report.short))


def _measure(choices: Choices, home: Path, report: Report) -> None:
    memory.allow_many_files()
    raw = content.write_raw(home / "base.raw")
    # while the daemon of "b" has done nothing yet
    bulk.make_store(home / "b", choices.exports * 3, clones.GIANT_BYTES)
    with daemon_in(home / "b") as daemon:
        report.say("a store of many volumes is there")
        memory.run(choices, daemon, raw, report)
        clones.run(choices, daemon, report)
    with daemon_in(home / "a") as daemon:
        content.prepare(daemon)
        place.settle([home])
        report.say("volumes are filled")
        steady.run(choices, daemon, raw, report)
        report.say("steady loads are measured")
        wire.run(choices, daemon, raw, report)
        report.say("the same is measured over the block protocol")
        first_writes.run(choices, daemon, raw, report)
        chain.run(choices, daemon, report)
        tail.run(choices, daemon, raw, report)
    report.say("single volumes are measured")
    scale.run(choices, home, report)


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
