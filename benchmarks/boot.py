"""
``python -m benchmarks.boot``: how long a server takes to come up, against bare QEMU on a raw file.

The peer boots the same image from a local copy with the same memory and accelerator, no cloud
around it; its clock starts with the process.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import pycdlib

from tests.end_to_end.journey import MARK, USER_DATA, Journey
from tests.live.cloud import AllInOne, eventually, guest_image

ROUNDS = int(os.environ.get("ROUNDS", "3"))
GOALS = {"active": 2.0, "marker": 8.0, "ssh": 12.0}
MEMORY_MIB = 128


def config_drive(path: Path) -> None:
    """An ISO with the benchmark's user data."""
    iso = pycdlib.PyCdlib()
    iso.new(joliet=3, rock_ridge="1.09", vol_ident="config-2")
    iso.add_directory("/OPENSTAC", rr_name="openstack", joliet_path="/openstack")
    iso.add_directory("/OPENSTAC/LATEST", rr_name="latest", joliet_path="/openstack/latest")
    meta = json.dumps({"uuid": "bench", "hostname": "bench"}).encode()
    for short, name, data in (
        ("META.;1", "meta_data.json", meta),
        ("USER.;1", "user_data", USER_DATA.encode()),
    ):
        iso.add_fp(
            BytesIO(data),
            len(data),
            f"/OPENSTAC/LATEST/{short}",
            rr_name=name,
            joliet_path=f"/openstack/latest/{name}",
        )
    iso.write(str(path))
    iso.close()


def bare_qemu(image: Path, home: Path) -> float:
    """Seconds from the start of a bare QEMU to the user data's mark on its console."""
    disk, drive, console = home / "disk.raw", home / "drive.iso", home / "console"
    shutil.copyfile(image, disk)
    config_drive(drive)
    begun = time.monotonic()
    process = subprocess.Popen(
        [
            "qemu-system-x86_64",
            "-accel",
            "tcg",
            "-nodefaults",
            "-display",
            "none",
            "-m",
            str(MEMORY_MIB),
            "-serial",
            f"file:{console}",
            "-drive",
            f"file={disk},if=virtio,format=raw,cache=writeback",
            "-drive",
            f"file={drive},if=virtio,format=raw,readonly=on",
            "-device",
            "virtio-rng-pci",
            "-netdev",
            "user,id=n0",
            "-device",
            "virtio-net-pci,netdev=n0",
        ],
        stdin=subprocess.DEVNULL,
    )
    try:
        eventually(
            lambda: console.exists() and MARK in console.read_text(errors="replace"),
            90,
            "bare QEMU runs the user data",
        )
        return time.monotonic() - begun
    finally:
        process.kill()
        process.wait()


def one_server(journey: Journey, image: object, key_name: str) -> dict[str, float]:
    """Seconds from POST to ACTIVE, to the mark and to the SSH banner."""
    server = journey.boot(image, key_name)
    journey.console_says(server, f"{MARK}-42", 90)
    times = {"active": journey.times["active"], "marker": time.monotonic() - journey.times["begun"]}
    if journey.cloud.can_tap:
        address = journey.address(server)
        eventually(lambda: journey.banner(address), 90, "SSH greets")
        times["ssh"] = time.monotonic() - journey.times["begun"]
    journey.delete(server)
    return times


def main() -> int:
    path = guest_image()
    cloud = AllInOne(None)
    try:
        cloud.begin()
        journey = Journey(cloud)
        key_name = journey.make_key()
        image = journey.upload(path)
        ours, peer = [], []
        for _ in range(ROUNDS):
            ours.append(one_server(journey, image, key_name))
            with tempfile.TemporaryDirectory() as home:
                peer.append(bare_qemu(path, Path(home)))
    finally:
        cloud.end()
    bare = sorted(peer)[len(peer) // 2]
    short = False
    for name, goal in GOALS.items():
        values = sorted(times[name] for times in ours if name in times)
        if not values:
            continue
        value = values[len(values) // 2]
        short = short or value > goal
        print(
            f"figure: boot-{name} {value:.2f} s ratio {value / bare:.2f} to qemu-raw-marker "
            f"goal {goal:.0f} {'short' if value > goal else 'ok'}"
        )
    return int(short)


if __name__ == "__main__":
    sys.exit(main())
