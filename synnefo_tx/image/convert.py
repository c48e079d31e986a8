"""
From a disk image's file to the disk in it, by qemu-img.

qemu-img is handed hostile files: the head is checked first (`qcow2`), then `qemu-img info` must
agree, and each process has limits of time, address space and output, no environment, and reaches
nothing but the storage daemon's NBD socket by its arguments.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from attrs import field, frozen
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from synnefo_tx.errors import Unavailable
from synnefo_tx.image.errors import UnacceptableDisk

MAX_VIRTUAL_BYTES = 16 * 1024**4
INFO_TIMEOUT_S = 30.0
CONVERT_TIMEOUT_S = 3600.0
CONVERSIONS_AT_ONCE = 2
MAX_MEMORY_BYTES = 2 * 1024**3
_MAX_OUTPUT_BYTES = 1024 * 1024


class IConverter(Interface):
    """
    Makes disks of disk images.  Volumes are named as in IBlocks.
    """

    async def virtual_size(source: str, disk_format: str) -> int:
        """
        Bytes of the disk in the file in `source`.  Raises UnacceptableDisk for what is not of
        that format, or points outside itself, or is encrypted or too large.
        """

    async def convert(source: str, disk_format: str, target: str) -> None:
        """
        Write the disk in `source` to `target`, a volume of zeros at least as large.  Raises
        UnacceptableDisk; then `target` may hold anything.
        """


class _Capture(ProcessProtocol):
    """
    Collects a process's output, up to a limit, and tells how it ended.
    """

    def __init__(self) -> None:
        self.output = b""
        self.errors = b""
        self.ended: Deferred[int] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.output = (self.output + data)[:_MAX_OUTPUT_BYTES]

    def errReceived(self, data: bytes) -> None:
        self.errors = (self.errors + data)[:_MAX_OUTPUT_BYTES]

    def processEnded(self, reason: Failure) -> None:
        done = reason.check(ProcessDone) is not None
        code: int | None = getattr(reason.value, "exitCode", None)  # None when a signal ended it
        self.ended.callback(0 if done else code or -1)


@implementer(IConverter)
@frozen
class QemuConverter:
    """
    By Debian's qemu-img over the NBD socket at `nbd_socket`.
    """

    reactor: Any
    nbd_socket: str
    max_virtual_bytes: int = MAX_VIRTUAL_BYTES
    convert_timeout_s: float = CONVERT_TIMEOUT_S
    qemu_img: str = "/usr/bin/qemu-img"
    prlimit: str = "/usr/bin/prlimit"
    _turns: DeferredSemaphore = field(
        factory=lambda: DeferredSemaphore(CONVERSIONS_AT_ONCE), init=False, eq=False
    )
    _log: Logger = field(factory=Logger, init=False, eq=False)

    async def virtual_size(self, source: str, disk_format: str) -> int:
        output = await self._run(
            ["info", "--output=json", "-f", disk_format, self._url(source)], INFO_TIMEOUT_S
        )
        return checked_info(output, disk_format, self.max_virtual_bytes)

    async def convert(self, source: str, disk_format: str, target: str) -> None:
        await self._turns.acquire()
        try:
            await self._run(
                [
                    *("convert", "-n", "--target-is-zero", "-t", "writeback", "-f", disk_format),
                    *("-O", "raw", self._url(source), self._url(target)),
                ],
                self.convert_timeout_s,
            )
        finally:
            self._turns.release()

    def _url(self, volume: str) -> str:
        return f"nbd+unix:///{quote(volume)}?socket={quote(self.nbd_socket)}"

    async def _run(self, arguments: Sequence[str], timeout_s: float) -> bytes:
        capture = _Capture()
        command = [self.prlimit, f"--as={MAX_MEMORY_BYTES}", "--core=0", self.qemu_img, *arguments]
        try:
            process = self.reactor.spawnProcess(capture, self.prlimit, command, env={})
        except OSError as error:
            raise Unavailable("Disk images can't be converted here") from error
        late = self.reactor.callLater(timeout_s, _kill, process)
        code = await capture.ended
        if not late.active():
            raise UnacceptableDisk(f"Image could not be read within {timeout_s:.0f} seconds")
        late.cancel()
        if b"Failed to connect" in capture.errors:
            raise Unavailable("The image store is unavailable")
        if code != 0:
            self._log.warn(
                "qemu-img {command} ended with {code}: {text}",
                command=arguments[0],
                code=code,
                text=capture.errors.decode("utf-8", "replace")[:2000],
            )
            raise UnacceptableDisk("Image could not be read as a disk of its format")
        return capture.output


def checked_info(output: bytes, disk_format: str, max_virtual_bytes: int) -> int:
    """
    The virtual size that `qemu-img info --output=json` tells.  Raises UnacceptableDisk.
    """
    try:
        info = msgspec.json.decode(output, type=dict[str, Any])
        size = int(info["virtual-size"])
        specific = info.get("format-specific", {}).get("data", {})
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnacceptableDisk("Image could not be read as a disk of its format") from error
    if info.get("format") != disk_format:
        raise UnacceptableDisk(f"Image is not a {disk_format} file")
    if info.get("backing-filename") or info.get("full-backing-filename"):
        raise UnacceptableDisk("Image has a backing file")
    if specific.get("data-file"):
        raise UnacceptableDisk("Image has an external data file")
    if info.get("encrypted") or specific.get("encrypt"):
        raise UnacceptableDisk("Image is encrypted")
    if not 0 < size <= max_virtual_bytes:
        raise UnacceptableDisk(
            f"Image has a virtual size of {size} bytes, and at most {max_virtual_bytes} are taken"
        )
    return size


def _kill(process: Any) -> None:
    with contextlib.suppress(ProcessExitedAlready):
        process.signalProcess("KILL")
