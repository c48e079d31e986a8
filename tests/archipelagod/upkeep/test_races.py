"""
Two daemons that make, clone, freeze, rename, roll back and delete volumes while a third collects.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import Store, open_memory_store
from archipelagod.upkeep import orphans
from archipelagod.upkeep.findings import Finding
from archipelagod.upkeep.scrub import Scrub
from archipelagod.volume import reclaim, slots
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.census import Restless
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume, read_map
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.slots import BODIES
from archipelagod.volume.stored_map import MAPS
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import NoSuchVolume, VolumeBusy, VolumeExists
from tests.archipelagod.upkeep.baton import Baton, stepping

SIZE = 3 * OBJECT_BYTES
PLACES = [0, 8192, OBJECT_BYTES, OBJECT_BYTES + 4096, 2 * OBJECT_BYTES]
Content = dict[int, int]  # byte by place


def content_of(volume: Volume) -> Content:
    """What is at each place."""
    found = {}
    for place in PLACES:
        room = bytearray(16)
        volume.read_into(place, memoryview(room))
        assert len(set(room)) == 1, (volume.name, place, room)
        found[place] = room[0]
    return found


class User:
    """
    A daemon and its clients: volumes of its own, and images that all share.
    """

    def __init__(self, store: Store, chance: random.Random, name: str, images: dict[str, Content]):
        self.store = store
        self.chance = chance
        self.name = name
        self.sessions = Sessions(store)
        self.catalogue = Catalogue(store, self.sessions, time.time)
        self.images = images
        self.volumes: dict[str, Content] = {}
        self.open: dict[str, Volume] = {}
        self.serial = 0

    def run(self) -> None:
        """Some operations."""
        self.create()
        actions = ["write"] * 6 + ["snapshot", "clone", "clone", "delete", "delete_image"]
        actions += ["rename", "rename_image", "rollback", "close", "flush", "seal"]
        for action in self.chance.choices(actions, k=14):
            with contextlib.suppress(VolumeBusy):
                getattr(self, action)()
        for volume in self.open.values():
            volume.close()

    def fresh(self) -> str:
        """A name of ours."""
        self.serial += 1
        return f"{self.name}{self.serial}"

    def some(self) -> str:
        """One of our volumes."""
        if not self.volumes:
            self.create()
        return self.chance.choice(sorted(self.volumes))

    def image(self) -> str | None:
        """One of the images, which may be gone in a moment."""
        return self.chance.choice(sorted(self.images) or [None])

    def create(self) -> None:
        """A volume of zeros."""
        name = self.fresh()
        self.catalogue.create(name, SIZE)
        self.volumes[name] = dict.fromkeys(PLACES, 0)

    def opened(self, name: str) -> Volume:
        """The volume, opened if need be."""
        if name not in self.open:
            self.open[name] = open_volume(self.store, name, self.sessions.fresh())
            self.open[name].map.journal_limit = self.chance.choice([0, 1, 100])
        return self.open[name]

    def close(self, name: str = "") -> None:
        """A volume is closed."""
        if (name or self.some()) in self.open:
            self.open.pop(name or self.chance.choice(sorted(self.open))).close()

    def write(self) -> None:
        """A few bytes, or zeros over a whole object."""
        name = self.some()
        place = self.chance.choice(PLACES)
        if self.chance.random() < 0.2:
            start = place // OBJECT_BYTES * OBJECT_BYTES
            self.opened(name).zero(start, OBJECT_BYTES)
            gone = {each: 0 for each in PLACES if start <= each < start + OBJECT_BYTES}
            self.volumes[name].update(gone)
            return
        byte = self.chance.randrange(1, 256)
        self.opened(name).write(place, bytes([byte]) * 16)
        self.volumes[name][place] = byte

    def flush(self) -> None:
        """All that was written."""
        self.opened(self.some()).flush()

    def snapshot(self) -> None:
        """An image of a volume, open or not."""
        origin, name = self.some(), self.fresh()
        content = dict(self.volumes[origin])
        if origin in self.open or self.chance.random() < 0.5:
            self.catalogue.freeze(self.opened(origin), self.catalogue.new_map(name))
        else:
            self.catalogue.snapshot(origin, name)
        self.images[name] = content

    def seal(self) -> None:
        """A volume becomes an image."""
        name = self.some()
        self.close(name)
        self.catalogue.seal(name)
        self.images[name] = self.volumes.pop(name)

    def clone(self) -> None:
        """A volume of an image."""
        origin = self.image()
        if origin is not None:
            name = self.fresh()
            content = dict(self.images[origin])
            with contextlib.suppress(NoSuchVolume):
                self.catalogue.clone(origin, name)
                self.volumes[name] = content

    def delete(self) -> None:
        """One of our volumes goes."""
        name = self.some()
        self.close(name)
        self.catalogue.delete(name)
        del self.volumes[name]

    def delete_image(self) -> None:
        """Any image goes; the other may do that in the same moment."""
        name = self.image()
        if name is not None:
            content = self.images.pop(name)
            try:
                self.catalogue.delete(name)
            except NoSuchVolume:
                return
            except VolumeBusy:
                self.images[name] = content

    def rename(self) -> None:
        """One of our volumes has another name."""
        name, new_name = self.some(), self.fresh()
        self.close(name)
        self.catalogue.rename(name, new_name)
        self.volumes[new_name] = self.volumes.pop(name)

    def rename_image(self) -> None:
        """Any image has another name."""
        name, new_name = self.image(), self.fresh()
        if name is not None:
            content = self.images.pop(name)
            try:
                self.catalogue.rename(name, new_name)
                self.images[new_name] = content
            except VolumeBusy:
                self.images[name] = content
            except NoSuchVolume:
                return

    def rollback(self) -> None:
        """One of our volumes is as an image of its family."""
        name, origin = self.some(), self.image()
        if origin is None:
            return
        content = dict(self.images[origin])
        with contextlib.suppress(NoSuchVolume, VolumeExists):
            if self.catalogue.header(origin).family == self.catalogue.header(name).family:
                self.close(name)
                self.catalogue.rollback(name, origin)
                self.volumes[name] = content


class RaceTests(SynchronousTestCase):
    """Every call of the store may come between any two of another daemon."""

    def play(self, seed: int, *, is_scrubbed: bool = False) -> None:
        """One history."""
        chance = random.Random(seed)
        store = open_memory_store()
        baton = Baton(chance)
        shared = stepping(store, baton.step)
        images: dict[str, Content] = {}
        users = [User(shared, chance, name, images) for name in "uv"]
        left = [2]

        def use(user: User) -> None:
            try:
                user.run()
            finally:
                left[0] -= 1

        def collect() -> None:
            while left[0]:
                with contextlib.suppress(Restless):
                    for _ in reclaim.reclaiming(shared):
                        pass
                    for _ in orphans.sweeping(shared, time.time() - 3600):
                        pass

        found: list[Finding] = []

        def scrub() -> None:
            while left[0]:
                work = Scrub(shared, time.time, 3600)
                for _ in work.steps():
                    pass
                found.extend(work.state.findings)

        works: dict[str, Callable[[], None]] = {
            user.name: lambda user=user: use(user)  # type: ignore[misc]
            for user in users
        }
        works["w"] = collect
        if is_scrubbed:
            works["x"] = scrub
        baton.run(works)
        self.assertEqual(found, [])
        volumes = {**users[0].volumes, **users[1].volumes, **images}
        self.check(store, volumes)

    def check(self, store: Store, volumes: dict[str, Content]) -> None:
        """All volumes are as they should, and after a pass there is nothing else."""
        sessions = Sessions(store)
        for name, content in volumes.items():
            volume = open_volume(store, name, sessions.fresh())
            self.assertEqual(content_of(volume), content, name)
            volume.close()
        reclaim.reclaim(store)
        needed = [reclaim.needs_of(store, read_map(store, MAPS, name)) for name in volumes]
        objects = set().union(*(each.objects for each in needed))
        numbers = store.objects.sessions()
        there = {oid for number in numbers for oid in store.objects.of_session(number)}
        self.assertEqual(there, objects)
        self.assertEqual(set(store.records.names(MAPS)), set(volumes))
        bodies = set().union(*(each.bodies for each in needed))
        self.assertEqual({int(name, 16) for name in store.records.names(BODIES)}, bodies)
        self.assertEqual(store.records.names("freezing"), [])
        self.assertEqual(store.records.names("journals"), [])

    def test_deltas(self) -> None:
        """Small maps."""
        for seed in range(SEEDS):
            self.play(seed)

    def test_scrub(self) -> None:
        """A scrub finds nothing wrong with what others are about to do."""
        for limit in (4096, 0):
            self.patch(slots, "DELTA_LIMIT", limit)
            for seed in range(SEEDS // 2):
                self.play(seed, is_scrubbed=True)

    def test_bodies(self) -> None:
        """Every map that is written has a new body."""
        self.patch(slots, "DELTA_LIMIT", 0)
        for seed in range(SEEDS):
            self.play(SEEDS + seed)


SEEDS = 40
