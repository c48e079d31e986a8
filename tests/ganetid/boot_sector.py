"""
The smallest guest: a boot sector that says a line on its serial port, then echoes what comes there.
"""

from __future__ import annotations

# xor ax,ax; mov ds,ax; mov si,text; print until NUL; then read a byte of COM1 and write it back
_CODE = bytes.fromhex(
    "31c0 8ed8 be317c ac 84c0 7405 e81300 ebf6"
    "bafd03 ec a801 74f8 baf803 ec e80200 ebef"
    "50 bafd03 ec a820 74fb 58 baf803 ee c3"
)
SECTOR = 512


def boot_sector(text: str) -> bytes:
    """The sector; `text` is at most 400 characters."""
    program = _CODE + text.encode("ascii") + b"\r\n\0"
    assert len(program) <= SECTOR - 2
    return program.ljust(SECTOR - 2, b"\0") + b"\x55\xaa"
