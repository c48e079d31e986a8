"""
The Debian packages that the guest is made of: downloaded once, unpacked, never installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

KERNEL_META = "linux-image-cloud-amd64"  # depends on the kernel of the day
PROGRAMS = (
    "busybox-static",
    "bash",  # busybox's shell calls busybox's nc, whatever is on the PATH
    "dropbear-bin",
    "dosfstools",
    "netcat-traditional",
    # shared libraries of these
    "libc6",
    "libcrypt1",
    "libgmp10",
    "libtinfo6",
    "libtomcrypt1",
    "libtommath1",
    "zlib1g",
)
_QUIET = ("-qq", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3")


class NotDownloadedError(Exception):
    """
    A package can't be had; ``str()`` names it and the reason.
    """


@dataclass(frozen=True)
class Unpacked:
    """
    A folder with the files of all packages.
    """

    root: Path
    kernel_package: str

    @property
    def kernel(self) -> Path:
        return self.root / "boot" / self.kernel_package.replace("linux-image", "vmlinuz", 1)

    @property
    def modules(self) -> Path:
        return self.root / "lib/modules" / self.kernel_package.removeprefix("linux-image-")


def unpack(cache: Path, target: Path) -> Unpacked:
    """
    Unpack the kernel and the programs in ``target``, downloading to ``cache`` what isn't there.
    """
    cache.mkdir(parents=True, exist_ok=True)
    try:
        kernel, files = _resolve(cache)
    except NotDownloadedError:  # no package lists, or outdated ones
        _apt_get(*(() if os.geteuid() == 0 else ("sudo",)), "apt-get", *_QUIET, "update")
        kernel, files = _resolve(cache)
    target.mkdir(parents=True)
    for file in files:
        _apt_get("dpkg-deb", "--extract", str(file), str(target))
    return Unpacked(target, kernel)


def _resolve(cache: Path) -> tuple[str, list[Path]]:
    """
    The kernel's package, and the file of each package.
    """
    depends = _apt_get("apt-cache", "depends", KERNEL_META)
    found = re.search(r"Depends: (linux-image-[0-9]\S*)", depends)
    if found is None:
        raise NotDownloadedError(f"{KERNEL_META} names no kernel")
    return found[1], [_file(name, cache) for name in (found[1], *PROGRAMS)]


def _file(name: str, cache: Path) -> Path:
    """
    The package's file of the version that apt would install now.
    """
    printed = _apt_get("apt-get", *_QUIET, "download", "--print-uris", name)
    match = re.match(r"'\S+' (\S+\.deb) ", printed)
    if match is None:
        raise NotDownloadedError(f"{name}: apt knows no file of it")
    file = cache / match[1]
    if not file.exists():
        partial = cache / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        _apt_get("apt-get", *_QUIET, "download", name, cwd=partial)
        for downloaded in partial.glob("*.deb"):
            downloaded.rename(cache / downloaded.name)
        if not file.exists():
            raise NotDownloadedError(f"{name}: {match[1]} was not downloaded")
    return file


def _apt_get(*command: str, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    except OSError as error:
        raise NotDownloadedError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise NotDownloadedError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
