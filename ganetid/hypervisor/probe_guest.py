"""
A Linux guest that says one line and powers off: proof that an accelerator runs real kernels.

Its init is a machine program of our own making, so nothing but a kernel is needed of this machine.
"""

from __future__ import annotations

import stat
import struct
from pathlib import Path

MARK = "ganetid-probe-guest-is-up"
ORIGIN = 0x400000
HEADERS = 64 + 56  # ELF header, one program header

# write(1, text, size); then reboot(LINUX_REBOOT_MAGIC1, MAGIC2, POWER_OFF); then spin
_CODE_BEFORE_TEXT = bytes.fromhex("b801000000 bf01000000 488d35") + b"%s" + bytes.fromhex("ba")
_REBOOT = bytes.fromhex("b8a9000000 bfaddee1fe be69191228 badcfe2143 0f05 ebfe")


def init_program() -> bytes:
    """A static x86-64 ELF executable: prints the mark to its standard output and powers off."""
    text = f"\n{MARK}\n".encode("ascii")
    size = struct.pack("<I", len(text))
    tail = size + bytes.fromhex("0f05") + _REBOOT
    distance = struct.pack("<i", 1 + len(tail))  # from the end of lea to the text
    code = _CODE_BEFORE_TEXT % distance + tail + text
    length = HEADERS + len(code)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01", 2, 62, 1, ORIGIN + HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0,
    )  # fmt: skip
    program = struct.pack("<IIQQQQQQ", 1, 5, 0, ORIGIN, ORIGIN, length, length, 0x1000)
    return header + program + code


def initramfs(init: bytes) -> bytes:
    """A root file system (cpio, newc) with ``/init`` and a console."""
    entries = [
        _entry("dev", stat.S_IFDIR | 0o755),
        _entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)),
        _entry("init", stat.S_IFREG | 0o755, init),
        _entry("TRAILER!!!", 0),
    ]
    return b"".join(entries)


def newest_kernel(directory: Path = Path("/boot")) -> Path | None:
    """A Linux kernel that we may read, None when there is none."""
    try:
        kernels = sorted(directory.glob("vmlinuz*"), reverse=True)
    except OSError:
        return None
    for kernel in kernels:
        try:
            with kernel.open("rb"):
                return kernel
        except OSError:
            continue
    return None


def _entry(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(head + name.encode("ascii") + b"\0") + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
