"""
``python -m benchmarks.rapi.reads``: reads of the remote API by connections that are kept.

A ganetid with the fake hypervisor and RAPI_INSTANCES (10000) instances that are off.  Goals: 1,000
cached reads a second; all of 100 instances within 10 ms, of 10,000 within 300 ms, and no growth of
memory from one round to the next.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from ganetid.cluster.model import Disk, Instance, Nic, PutInstance
from ganetid.jobs.database import Database, OneThread
from ganetid.jobs.journal import Commit, Journal
from tests.conformance.rapi import daemon

INSTANCES = int(os.environ.get("RAPI_INSTANCES", "10000"))
SECONDS = 4.0
BATCH = 500
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def instances(count: int) -> Iterable[Instance]:
    """As many instances as the API layer would make."""
    for number in range(count):
        name, own = f"snf-{number:06d}", str(uuid.uuid4())
        address = f"aa:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        yield Instance(
            name=name, uuid=own, os_type="snf-image+default", hypervisor="fake",
            disk_template="file", disks=(Disk(f"vol-{name}", str(uuid.uuid4()), 1024),),
            nics=(Nic(f"nic-{name}", str(uuid.uuid4()), address),), beparams={"vcpus": 1},
            hvparams={}, osparams={}, admin_state="down", ctime=1.0, mtime=1.0,
            primary_node="node1",
        )  # fmt: skip


def fill(directory: Path, count: int) -> None:
    """A journal with so many instances in the state directory."""
    directory.mkdir()

    async def write() -> None:
        journal = Journal(Database(directory / "cluster.db", OneThread(reactor, "journal")))
        await journal.begin(1.0)
        changes = [PutInstance(each) for each in instances(count)]
        for start in range(0, count, BATCH):
            await journal.commit(Commit(changes=tuple(changes[start : start + BATCH])))
        await journal.close()
        loop: Any = reactor
        loop.callLater(0, loop.stop)

    written = Deferred.fromCoroutine(write())
    loop: Any = reactor
    written.addErrback(lambda failure: (failure.printTraceback(), loop.callLater(0, loop.stop)))
    loop.run(installSignalHandlers=False)


class Connection:
    """A TLS connection that is kept."""

    def __init__(self, port: int) -> None:
        context = ssl._create_unverified_context()
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain)

    def get(self, path: str) -> int:
        """The size of the answer's body."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._socket.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        found = LENGTH.search(head)
        assert found is not None
        size, left = int(found[1]), int(found[1]) - len(body)
        while left > 0:
            left -= len(self._socket.recv(min(left, 1 << 20)))
        return size


def rate(connection: Connection, path: str) -> tuple[float, float]:
    """(reads a second, median in ms) of one connection."""
    times: list[float] = []
    end = time.monotonic() + SECONDS
    while (begun := time.monotonic()) < end:
        connection.get(path)
        times.append(time.monotonic() - begun)
    return len(times) / sum(times), statistics.median(times) * 1000


def resident_mib(pid: int) -> float:
    """Memory of the process."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024


def measure(port: int, pid: int) -> int:
    """Print what was measured; how many goals were missed."""
    connection = Connection(port)
    missed = 0
    some = f"/2/instances?bulk=1&limit={min(100, INSTANCES)}"
    for path, goal in (("/version", 1000), ("/2/info", 1000), ("/2/instances/snf-000001", 1000)):
        per_s, median_ms = rate(connection, path)
        missed += per_s < goal
        print(f"{path:32} {per_s:8.0f}/s  p50 {median_ms:7.2f} ms   goal {goal}/s")
    for path, goal in ((some, 10.0), ("/2/instances?bulk=1", 300.0)):
        first = time.monotonic()
        size = connection.get(path)
        first_ms = (time.monotonic() - first) * 1000
        before = resident_mib(pid)
        per_s, median_ms = rate(connection, path)
        grown = resident_mib(pid) - before
        missed += median_ms > goal
        print(
            f"{path:32} {per_s:8.1f}/s  p50 {median_ms:7.2f} ms   goal {goal} ms;"
            f" first {first_ms:.0f} ms, {size / 1e6:.1f} MB, memory grew {grown:.0f} MiB"
        )
    return missed


def main() -> int:
    """Exit status 1 when a goal was missed."""
    with tempfile.TemporaryDirectory(prefix="gntb") as name:
        state = Path(name) / "g"
        fill(state, INSTANCES)
        with daemon.running(state=state) as running:
            print(f"{INSTANCES} instances, one connection, TLS")
            return 1 if measure(running.port, running.pid) else 0


if __name__ == "__main__":
    sys.exit(main())
