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


def cannot_loop(directory: str) -> str | None:
    """
    Why files can't be mounted here; None if they can.
    """
    if (reason := cannot_mount()) is not None:
        return reason
    if shutil.which("mkfs.ext4") is None:
        return "needs mkfs.ext4 (Debian: e2fsprogs)"
    try:
        LoopMount(f"{directory}/probe", 8 << 20).end()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"loop devices do not work here: {error}"
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
    ext4 in the file ``<path>.img``, at ``path``.  With ``image`` that file, and no new one is made.
    """

    def __init__(self, path: str, size_bytes: int, image: str | None = None) -> None:
        self.path = path
        self.image = image or f"{path}.img"
        os.makedirs(path, exist_ok=True)
        if image is None:
            with open(self.image, "wb") as file:
                file.truncate(size_bytes)
            run("mkfs.ext4", "-q", "-m", "0", self.image)
        self.device = run("losetup", "-f", "--show", self.image).strip()
        try:
            run("mount", "-t", "ext4", self.device, path)
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
