"""
The guest's root folder: our scripts, busybox and its other names, programs with their libraries.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from packages import Unpacked

FOLDERS = (
    "bin",
    "dev",
    "etc/dropbear",
    "home",
    "lib",
    "lib64",
    "mnt",
    "proc",
    "root",
    "run",
    "sbin",
    "sys",
    "tmp",
    "usr/bin",
    "usr/lib",
    "usr/sbin",
    "usr/share",
    "var/lib",
    "var/log",
)
PRIVATE = {"root": 0o700, "etc/shadow": 0o600, "tmp": 0o1777}
LOADER = "lib64/ld-linux-x86-64.so.2"
PROGRAMS = (
    "usr/sbin/dropbear",
    "usr/bin/dropbearkey",
    "usr/bin/dbclient",
    "bin/bash",
    "bin/nc.traditional",
    "sbin/mkfs.fat",
)
EPOCH = 1_700_000_000  # every file's time, so that two builds give the same image


def fill(root: Path, guest: Path, unpacked: Unpacked) -> None:
    """
    Make the folder ``root`` as the guest shall see it at its first start.
    """
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copytree(guest / "root", root, symlinks=True, dirs_exist_ok=True)
    _busybox(root, unpacked.root / "bin/busybox")
    _programs(root, unpacked.root)
    for name in ("var/run", "etc/mtab"):
        (root / name).symlink_to({"var/run": "/run", "etc/mtab": "/proc/mounts"}[name])
    (root / "etc/resolv.conf").symlink_to("/run/resolv.conf")
    _set_modes(root)


def _busybox(root: Path, program: Path) -> None:
    shutil.copyfile(program, root / "bin/busybox")
    (root / "bin/busybox").chmod(0o755)
    listed = subprocess.run([program, "--list-full"], capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to("/bin/busybox")


def _programs(root: Path, packages: Path) -> None:
    folders = [packages / "lib/x86_64-linux-gnu", packages / "usr/lib/x86_64-linux-gnu"]
    loader = packages / LOADER
    _copy_program(loader.resolve(), root / LOADER)
    library_path = ":".join(map(str, folders))
    for name in PROGRAMS:
        _copy_program(packages / name, root / name)
        command = [str(loader), "--library-path", library_path, "--list", str(packages / name)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for library, place in re.findall(r"(\S+) => (/\S+) \(", told):
            if library != f"/{LOADER}":
                _copy_program(Path(place).resolve(), root / "usr/lib" / library)
    (root / "usr/bin/ssh").symlink_to("dbclient")


def _copy_program(source: Path, target: Path) -> None:
    if not target.exists():
        shutil.copyfile(source, target)
        target.chmod(0o755)


def _set_modes(root: Path) -> None:
    for path in root.rglob("*"):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(PRIVATE.get(str(path.relative_to(root)), 0o755 if executable else 0o644))
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    root.chmod(0o755)
    os.utime(root, (EPOCH, EPOCH))
