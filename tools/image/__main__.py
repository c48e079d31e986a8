"""
``python tools/image [--path | --kernel]``: the small test guest, built if it isn't cached.

Prints the path of the raw disk image, last on standard output.  --path: only say where it would
be; --kernel: instead the kernel and the initramfs, which can be booted alone.
The cache is $SYNNEFO_CACHE, or ./build of the checkout.  Debian packages only; no root needed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import disk
import initramfs
import packages
import rootfs

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]


def main(arguments: list[str]) -> int:
    cache = Path(os.environ.get("SYNNEFO_CACHE") or CHECKOUT / "build").resolve() / "image"
    made = cache / f"synnefo-guest-{key()}"
    if "--path" not in arguments:
        try:
            build(cache, made)
        except (packages.NotDownloadedError, disk.ToolError) as error:
            print(f"image: {error}", file=sys.stderr)
            return 1
    names = ("vmlinuz", "initrd") if "--kernel" in arguments else ("disk.raw",)
    for name in names:
        print(made / name)
    return 0


def key() -> str:
    """
    Names the sources of the image: another key, another image.
    """
    digest = hashlib.sha256()
    for path in sorted(HERE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(HERE)} {path.stat().st_mode & 0o111}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def build(cache: Path, made: Path) -> None:
    """
    Make the folder ``made`` unless it is there; it appears whole or not at all.
    """
    if made.is_dir():
        return
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.is_dir():  # another build made it while we waited
            return
        started = time.monotonic()
        print("image: building the test guest from Debian packages", file=sys.stderr, flush=True)
        work = Path(tempfile.mkdtemp(prefix="work-", dir=cache))
        try:
            _build(cache, work)
            (work / "out").rename(made)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        print(f"image: built in {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def _build(cache: Path, work: Path) -> None:
    out = work / "out"
    out.mkdir()
    unpacked = packages.unpack(cache / "debs", work / "packages")
    shutil.copyfile(unpacked.kernel, out / "vmlinuz")
    initramfs.write(out / "initrd", HERE / "guest", unpacked)
    rootfs.fill(work / "root", HERE / "guest", unpacked)
    disk.write(out / "disk.raw", work, out / "vmlinuz", out / "initrd")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
