"""
Power cuts as the disk sees them: copies of a file system's image while a daemon works on it.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from typing import NamedTuple

from archipelagod.volume.stored_map import MAPS
from tests.archipelagod.volume.unsafe_store import other_boot
from tests.chaos import daemon as processes
from tests.chaos.daemon import Daemon
from tests.chaos.deeds import Workshop
from tests.chaos.invariants import problems
from tests.chaos.judging import Seen, judged, wrong
from tests.chaos.model import Disk
from tests.chaos.mounts import LoopMount
from tests.chaos.verdicts import Loss, content
from tests.chaos.world import State, World

QUIET_S = 10.0


class Picture(NamedTuple):
    """
    An image, and what it may hold.
    """

    image: str
    disks: State
    pending: list[tuple[str, State, State]]  # kind, before, after


class NotQuiet(Exception):
    """
    The file system goes on writing by itself.
    """


def take(daemon: Daemon, mount: LoopMount, world: World, image: str) -> Picture:
    """
    What the disk has at this instant.  Raises NotQuiet when that can't be copied.
    """
    with world.lock:  # no change begins or is known to have ended meanwhile
        flushed = {
            id(block): block.flushed
            for disk in world.disks.values()
            for block in list(disk.blocks.values())
        }
        stopped = [daemon.pid, *daemon.workers()]
        for pid in stopped:
            processes.kill(pid, signal.SIGSTOP)
        try:
            _copy(mount, image)
            pending = [
                (each.kind, _copied(each.before, flushed), _copied(each.after(), flushed))
                for each in world.pending
            ]
            return Picture(image, _copied(dict(world.disks), flushed), pending)
        finally:
            for pid in stopped:
                processes.kill(pid, signal.SIGCONT)


def _copy(mount: LoopMount, image: str) -> None:
    deadline_s = time.monotonic() + QUIET_S
    while time.monotonic() < deadline_s:
        before = mount.written()
        if mount.is_quiet():
            subprocess.run(["cp", "--sparse=always", mount.image, image], check=True)
            if mount.is_quiet() and mount.written() == before:
                return
        time.sleep(0.02)
    raise NotQuiet


def _copied(state: State, flushed: dict[int, int]) -> State:
    return {name: disk and _copied_disk(disk, flushed) for name, disk in state.items()}


def _copied_disk(disk: Disk, flushed: dict[int, int]) -> Disk:
    made = disk.copy()
    with disk.lock:
        for index, block in made.blocks.items():
            again = made.blocks[index] = block.copy()
            again.flushed = flushed.get(id(block), 0)
    return made


def check(picture: Picture, directory: str) -> list[str]:
    """
    What is wrong with a picture, after the file system's own recovery and ours.
    """
    mount = LoopMount(f"{directory}/picture", 0, picture.image)
    try:
        return _checked(picture, f"{mount.path}/state/store")
    finally:
        mount.end()


def _checked(picture: Picture, path: str) -> list[str]:
    shop = Workshop(path)
    other_boot(shop.store)
    for name in shop.catalogue.unsettled():
        shop.catalogue.settle(name)
    shop.catalogue.reclaim()
    seen: Seen = {}
    told = problems(path, is_settled=False)
    for name in shop.store.records.names(MAPS):
        volume = shop.opened(name)

        def read(offset: int, size: int, volume: object = volume) -> bytes:
            found = bytearray(size)
            volume.read_into(offset, memoryview(found))  # type: ignore[attr-defined]
            return bytes(found)

        held, bad = content(read, volume.size_bytes)
        seen[name] = volume.size_bytes, held
        told += [f"{name}: {text}" for text in bad]
        volume.close()
    return told + _judge(picture, seen)


def _judge(picture: Picture, seen: Seen) -> list[str]:
    told = []
    open_names = {name for _, before, _ in picture.pending for name in before}
    for kind, before, after in picture.pending:
        verdict = judged(kind, before, after, seen, Loss.UNFLUSHED)
        if verdict.happened is None:
            told.append(verdict.why)
    for name in (set(seen) | set(picture.disks)) - open_names:
        told += wrong(name, picture.disks.get(name), seen, Loss.UNFLUSHED)
    return told


def pause(chance: random.Random) -> None:
    """
    Until the next picture.
    """
    time.sleep(0.05 + chance.random() * 0.5)
