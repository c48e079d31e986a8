"""
The initramfs: busybox, the few kernel modules a guest of ours needs, and the script that starts.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from packages import Unpacked

# In the order of loading: SSH waits for randomness, the root for the disk.
MODULES = (
    "virtio_pci",
    "virtio_rng",
    "virtio_blk",
    "virtio_net",
    "virtio_balloon",
    "isofs",
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "button",
    "evdev",
)
FOLDERS = ("bin", "dev", "lib", "modules", "proc", "root", "sys")
_CONSOLE = (5, 1)


def write(target: Path, guest: Path, unpacked: Unpacked) -> None:
    """
    Write a cpio archive in the format that the kernel unpacks.  Uncompressed: quicker to start.
    """
    with_dependencies = module_files(unpacked.modules, MODULES)
    archive = Archive()
    for name in FOLDERS:
        archive.add(name, stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=_CONSOLE)
    archive.add("bin/busybox", stat.S_IFREG | 0o755, (unpacked.root / "bin/busybox").read_bytes())
    archive.add("init", stat.S_IFREG | 0o755, (guest / "init").read_bytes())
    for file in with_dependencies:
        archive.add(f"modules/{file.name}", stat.S_IFREG | 0o644, file.read_bytes())
    order = "".join(f"{file.name}\n" for file in with_dependencies)
    archive.add("modules/order", stat.S_IFREG | 0o644, order.encode())
    target.write_bytes(archive.finish())


class Archive:
    """
    A cpio archive ("newc") in memory, everything owned by root.  Source: cpio(5).
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._entries = 0

    def add(
        self, name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)
    ) -> None:
        """
        Append a file, folder or device node; ``device`` is its major and minor number.
        """
        self._entries += 1
        encoded = name.encode() + b"\0"
        links, mtime = 1, 0
        fields = (self._entries, mode, 0, 0, links, mtime, len(content), 0, 0, *device)
        numbers = "".join(f"{field:08X}" for field in (*fields, len(encoded), 0))
        self._parts.append(_padded(b"070701" + numbers.encode() + encoded))
        self._parts.append(_padded(content))

    def finish(self) -> bytes:
        """
        The whole archive.
        """
        self.add("TRAILER!!!", 0)
        return b"".join(self._parts)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def module_files(modules: Path, names: tuple[str, ...]) -> list[Path]:
    """
    Files of the named kernel modules and all they depend on, each after what it needs.

    Names that are built into the kernel are left out.  Raises KeyError for an unknown one.
    """
    known = {_normal(path.stem): path for path in modules.rglob("*.ko")}
    built_in = {_normal(Path(line).stem) for line in _lines(modules / "modules.builtin")}
    ordered: list[Path] = []

    def visit(name: str) -> None:
        if name in built_in or known[name] in ordered:
            return
        for needed in depends(known[name].read_bytes()):
            visit(_normal(needed))
        ordered.append(known[name])

    for name in names:
        visit(_normal(name))
    return ordered


def depends(module: bytes) -> list[str]:
    """
    Names of the modules that a module says it needs.
    """
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    return [name for name in found[1].decode().split(",") if name] if found else []


def _normal(name: str) -> str:
    return name.replace("-", "_")


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()
