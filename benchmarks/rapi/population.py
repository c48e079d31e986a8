"""
A state directory with many instances that are off, as the API layer would have made them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from ganetid.cluster.model import Disk, Instance, Nic, PutInstance
from ganetid.jobs.database import Database, OneThread
from ganetid.jobs.journal import Commit, Journal

BATCH = 500


def name_of(number: int) -> str:
    """Of an instance."""
    return f"snf-{number:06d}"


def instances(count: int) -> Iterable[Instance]:
    """As many instances as the API layer would make."""
    for number in range(count):
        name, own = name_of(number), str(uuid.uuid4())
        address = f"aa:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        yield Instance(
            name=name, uuid=own, os_type="snf-image+default", hypervisor="fake",
            disk_template="file", disks=(Disk(f"vol-{name}", str(uuid.uuid4()), 1024),),
            nics=(Nic(f"nic-{name}", str(uuid.uuid4()), address),), beparams={"vcpus": 1},
            hvparams={}, osparams={}, admin_state="down", ctime=1.0, mtime=1.0,
            primary_node="node1",
        )  # fmt: skip


def fill(directory: Path, count: int) -> None:
    """A journal with so many instances in the new state directory.  Once in a process."""
    directory.mkdir()

    async def write() -> None:
        journal = Journal(Database(directory / "cluster.db", OneThread(reactor, "journal")))
        await journal.begin(1.0)
        changes = [PutInstance(each) for each in instances(count)]
        for start in range(0, count, BATCH):
            await journal.commit(Commit(changes=tuple(changes[start : start + BATCH])))
        await journal.close()

    loop: Any = reactor
    written = Deferred.fromCoroutine(write())
    written.addErrback(lambda failure: failure.printTraceback())
    written.addBoth(lambda _: loop.callLater(0, loop.stop))
    loop.run(installSignalHandlers=False)


if __name__ == "__main__":
    import sys

    fill(Path(sys.argv[1]), int(sys.argv[2]))
