"""
The servers that ours is measured beside, and what all servers have in common.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Protocol

from benchmarks.block.processes import Program

QCOW2_CLUSTER = 64 << 10


class Export(Protocol):
    """
    Something that fio can load.  uri: of NBD.  program: what serves it.  roots: its files.
    """

    name: str
    uri: str
    program: Program
    roots: list[Path]


class Peer:
    """
    A program that serves one export on a unix socket.
    """

    def __init__(self, name: str, command: list[str], socket: Path, roots: list[Path]) -> None:
        self.name = name
        self.uri = f"nbd+unix:///?socket={socket}"
        self.roots = roots
        self._socket = socket
        socket.unlink(missing_ok=True)
        self.program = Program(command, socket.with_suffix(".log"))
        self.program.wait_until(socket.exists, "listening")

    def stop(self) -> None:
        """Ends the program."""
        self.program.stop()
        self._socket.unlink(missing_ok=True)


def nbdkit(home: Path, disk: Path, name: str = "nbdkit") -> Peer:
    """
    nbdkit's file plugin, its defaults (16 threads).
    """
    socket = home / f"{name}.sock"
    return Peer(name, ["nbdkit", "-f", "-U", str(socket), "file", str(disk)], socket, [disk])


def qemu_raw(home: Path, disk: Path) -> Peer:
    """
    qemu-nbd over a raw file, written back.
    """
    socket = home / "qemu-raw.sock"
    return Peer("qemu-raw", _qemu_nbd(socket, "raw", disk), socket, [disk])


def qemu_qcow2(home: Path, disk: Path, backing: Path, name: str = "qemu-qcow2") -> Peer:
    """
    qemu-nbd over a new qcow2 image whose content is ``backing``'s.
    """
    make_qcow2(disk, backing)
    socket = home / f"{name}.sock"
    return Peer(name, _qemu_nbd(socket, "qcow2", disk), socket, [disk, backing])


def make_qcow2(disk: Path, backing: Path, backing_format: str = "raw") -> None:
    """
    What a clone is to us: an image that holds nothing yet, over another.
    """
    options = f"cluster_size={QCOW2_CLUSTER}"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", options]
    subprocess.run([*command, "-b", str(backing), "-F", backing_format, str(disk)], check=True)


def _qemu_nbd(socket: Path, kind: str, disk: Path) -> list[str]:
    shared = ["-t", "-e", "16", "--cache=writeback"]
    return ["qemu-nbd", "-k", str(socket), "-f", kind, *shared, str(disk)]
