"""
Small file systems of our own: in memory, or in a file behind a loop device.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path


def run(*command: str) -> str:
    """
    Output of a command.  Raises CalledProcessError.
    """
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def cannot_mount() -> str | None:
    """
    Why file systems can't be mounted here; None if they can.
    """
    if os.geteuid() != 0:
        return "mounting needs root"
    if shutil.which("mount") is None:
        return "there is no mount here"
    return None


MAKE = {  # commands that make a file system, Debian's package of each, the least size
    "ext4": (("mkfs.ext4", "-q", "-m", "0"), "e2fsprogs", 8 << 20),
    "xfs": (("mkfs.xfs", "-q"), "xfsprogs", 320 << 20),
    "btrfs": (("mkfs.btrfs", "-q"), "btrfs-progs", 128 << 20),
}


def cannot_loop(directory: str, kind: str = "ext4") -> str | None:
    """
    Why files with such a file system can't be mounted here; None if they can.
    """
    if (reason := cannot_mount()) is not None:
        return reason
    (program, *_), package, size_bytes = MAKE[kind]
    if shutil.which(program) is None:
        return f"needs {program} (Debian: {package})"
    try:
        LoopMount(f"{directory}/probe", size_bytes, kind=kind).end()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"{kind} on loop devices does not work here: {error}"
    return None


class MemoryMount:
    """
    A tmpfs at ``path``.
    """

    def __init__(self, path: str, size_bytes: int) -> None:
        self.path = path
        os.makedirs(path, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "chaos", path)

    def end(self) -> None:
        """
        Unmounts it.
        """
        run("umount", "-l", self.path)


class LoopMount:
    """
    A file system in the file ``<path>.img``, at ``path``.  With ``image`` that file, and no new one
    is made.
    """

    def __init__(
        self, path: str, size_bytes: int, image: str | None = None, kind: str = "ext4"
    ) -> None:
        self.path = path
        self.image = image or f"{path}.img"
        os.makedirs(path, exist_ok=True)
        if image is None:
            with open(self.image, "wb") as file:
                file.truncate(size_bytes)
            run(*MAKE[kind][0], self.image)
        self.device = run("losetup", "-f", "--show", self.image).strip()
        try:
            run("mount", "-t", kind, self.device, path)
        except subprocess.CalledProcessError:
            run("losetup", "-d", self.device)
            raise

    def end(self) -> None:
        """
        Unmounts it.
        """
        for _ in range(50):
            if (
                subprocess.run(["umount", self.path], check=False, capture_output=True).returncode
                == 0
            ):
                break
            time.sleep(0.1)
        else:
            run("umount", "-l", self.path)
        run("losetup", "-d", self.device)

    def is_quiet(self) -> bool:
        """
        Whether nothing is on its way to the file.
        """
        name = os.path.basename(self.device)
        return Path(f"/sys/block/{name}/inflight").read_text().split() == ["0", "0"]

    def written(self) -> int:
        """
        Requests to the device so far.
        """
        name = os.path.basename(self.device)
        fields = Path(f"/sys/block/{name}/stat").read_text().split()
        return int(fields[4]) + int(fields[11]) + int(fields[15])
