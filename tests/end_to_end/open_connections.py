"""
Whom daemons are connected to, watched while they work: from /proc, and `ss` for sockets of files.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

EVERY_S = 0.2
ESTABLISHED, LISTENING = "01", "0A"  # as in /proc/net/tcp


def reached(pid: int, peers: Mapping[int, str]) -> set[str]:
    """
    The far ends of connections that this process has opened: "tcp:<port>" and "unix:<path>".
    peers: inode of a socket -> path at its other end.
    """
    inodes = _sockets(pid)
    found = {f"unix:{peers[inode]}" for inode in inodes if inode in peers}
    rows = [row for row in _tcp(pid) if int(row[9]) in inodes]
    listening = {_port(row[1]) for row in rows if row[3] == LISTENING}
    for row in rows:
        if row[3] == ESTABLISHED and _port(row[1]) not in listening:
            found.add(f"tcp:{_port(row[2])}")
    return found


def unix_peers() -> dict[int, str]:
    """
    Inode of each connected socket -> the path that its other end is bound to.
    """
    said = subprocess.run(["ss", "-xHn"], check=True, capture_output=True, text=True).stdout
    paths: dict[int, str] = {}
    other: dict[int, int] = {}
    for line in said.splitlines():
        _, _, _, _, path, inode, _, peer = line.split()[:8]
        other[int(inode)] = int(peer)
        if path != "*":
            paths[int(inode)] = path
    return {inode: paths[peer] for inode, peer in other.items() if peer in paths}


def _sockets(pid: int) -> set[int]:
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                if target.startswith("socket:["):
                    found.add(int(target[8:-1]))
    return found


def _tcp(pid: int) -> list[list[str]]:
    rows = []
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):
            lines = Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
            rows += [line.split() for line in lines]
    return rows


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


class Watch:
    """
    What each of the processes (name -> pid) reached between `start` and `stop`: `seen`.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.seen: dict[str, set[str]] = defaultdict(set)
        self._pids = dict(pids)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Idempotent."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(EVERY_S):
            peers = unix_peers()
            for name, pid in self._pids.items():
                self.seen[name] |= reached(pid, peers)
