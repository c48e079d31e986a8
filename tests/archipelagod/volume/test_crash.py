"""
What is left of a volume whose writer, or whose machine, died.
"""

from __future__ import annotations

import struct
import time

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import open_memory_store
from archipelagod.volume import flushing, open_map, slots
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.journal import (
    CHANGE,
    COMMIT,
    DATA,
    FILL,
    GARBAGE,
    RECORD_BYTES,
    RELAYS,
    ROOM,
    START,
    SYNCED,
    pack,
    replay,
)
from archipelagod.volume.map_format import OBJECT_BYTES, PARTIAL, decode_header, with_header
from archipelagod.volume.opening import open_volume, read_map
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.stored_map import MAPS
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import ReadOnlyVolume, StorageUnavailable, VolumeBusy

OTHER_BOOT = 1


class Died(Exception):
    """
    The daemon was killed.
    """


class FailingObjects:
    """
    Objects whose flush fails when told so.
    """

    def __init__(self, objects: object) -> None:
        self._objects = objects
        self.fails = False
        self.dies_removing = False
        self.flushed: list[set[int]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._objects, name)

    def remove(self, oid: int) -> None:
        """Is the end when told so."""
        if self.dies_removing:
            raise Died
        self._objects.remove(oid)  # type: ignore[attr-defined]

    def flush(self, oids: object) -> None:
        """Fails when told so."""
        self.flushed.append(set(oids))  # type: ignore[call-overload]
        if self.fails:
            raise OSError(5, "the disk is broken")


def read(volume: Volume, offset: int, size: int) -> bytes:
    """Bytes of a volume."""
    found = bytearray(size)
    volume.read_into(offset, memoryview(found))
    return bytes(found)


def kill(volume: Volume) -> None:
    """The writer dies without a word: all that happens is that its lease is free."""
    if volume.map._lease is not None:
        volume.map._lease.release()


class CrashTests(SynchronousTestCase):
    """A store with the volume "v" of three objects."""

    def setUp(self) -> None:
        """The volume."""
        memory = open_memory_store()
        self.objects = FailingObjects(memory.objects)
        self.store = memory._replace(objects=self.objects)  # type: ignore[arg-type]
        self.sessions = Sessions(self.store)
        self.catalogue = Catalogue(self.store, self.sessions, time.time)
        self.catalogue.create("v", 3 * OBJECT_BYTES)
        self.alive: list[Volume] = []

    def opened(self, name: str = "v") -> Volume:
        """The volume, opened anew; who had it open before is dead."""
        for volume in self.alive:
            kill(volume)
        self.alive = [open_volume(self.store, name, self.sessions.fresh())]
        return self.alive[0]

    def deleted(self) -> None:
        """The volume goes, after whoever had it open."""
        for volume in self.alive:
            kill(volume)
        self.catalogue.delete("v")
        self.catalogue.reclaim()

    def all_objects(self) -> set[int]:
        """Every object in the store."""
        return {oid for session in range(300) for oid in self.store.objects.of_session(session)}

    def test_acknowledged_survives_the_daemon(self) -> None:
        """A write that was not flushed is there when only the writer died."""
        self.opened().write(5, b"hello")
        self.assertEqual(read(self.opened(), 5, 5), b"hello")

    def lose_uncommitted(self) -> None:
        """The machine was restarted: the journal comes from another boot."""
        name = self.store.records.names(ROOM)[0]
        data = self.store.records.get(ROOM, name)
        self.store.records.put(ROOM, name, retagged(data))

    def test_flushed_survives_the_machine(self) -> None:
        """After a power cut flushed writes are there; a later new object reads as before."""
        volume = self.opened()
        volume.write(5, b"hello")
        volume.flush()
        volume.write(OBJECT_BYTES, b"lost")
        self.lose_uncommitted()
        volume = self.opened()
        self.assertEqual(read(volume, 5, 5), b"hello")
        self.assertEqual(read(volume, OBJECT_BYTES, 4), bytes(4))

    def test_missing_object_at_the_end(self) -> None:
        """A volume whose last object is missing can't be cut within it, but opens."""
        volume = self.opened()
        volume.write(0, b"here")
        volume.write(OBJECT_BYTES, b"gone")
        volume.flush()
        volume.close()
        lost = self.opened().map.slots.view[1]
        self.store.objects.remove(lost)
        for _ in range(2):
            self.assertRaises(FileNotFoundError, self.opened().resize, OBJECT_BYTES + 4096 + 1)
        self.assertEqual(read(self.opened(), 0, 4), b"here")
        self.assertRaises(FileNotFoundError, self.opened().resize, 3 * OBJECT_BYTES)
        self.assertRaises(OSError, read, self.opened(), OBJECT_BYTES, 4)

    def test_journal_fills_beyond_an_object(self) -> None:
        """A journal with right sums and no sense is damage."""
        self.opened().write(0, b"x")
        kill(self.alive.pop())
        name = self.store.records.names(ROOM)[0]
        start = struct.unpack_from("<HHIQQI", self.store.records.get(ROOM, name))
        slot = 8 << 32 | 1 | PARTIAL
        uid, numbers, _, tag = start[2:]
        data = pack(START, uid, numbers, tag) + pack(CHANGE, 0, slot, tag)
        data += pack(FILL, 0, 0x0FFFFFFF, tag, slot)
        self.store.records.put(ROOM, name, data)
        self.assertRaises(StorageUnavailable, self.opened)

    def test_lost_objects_are_removed(self) -> None:
        """An object that no map points at after a power cut is not kept."""
        self.opened().write(0, b"lost")
        self.lose_uncommitted()
        self.opened()
        self.assertEqual(self.all_objects(), set())

    def test_objects_before_commit(self) -> None:
        """Much is in the objects by the time the journal commits the changes."""
        volume = self.opened()
        volume.write(0, b"x" * OBJECT_BYTES)
        volume.flush()
        self.assertEqual(self.objects.flushed, [{volume.map.slots.view[0]}])

    def test_little_is_in_the_journal(self) -> None:
        """A flush of a few writes leaves the objects alone, until it is time."""
        volume = self.opened()
        for index in range(3):
            volume.write(index * OBJECT_BYTES, b"x")
        volume.flush()
        self.assertEqual(self.objects.flushed, [])
        volume.sync()
        self.assertEqual(self.objects.flushed, [set(volume.map.slots.view)])
        volume.write(5, b"y")
        volume.flush()
        volume.close()
        self.assertEqual(read(self.opened(), 0, 6), b"x\0\0\0\0y")

    def test_writing_ahead(self) -> None:
        """What many flushes left in the journal goes to the medium before it is synced."""
        self.patch(flushing, "AHEAD_BYTES", 1 << 16)
        told: list[list[int]] = []
        self.patch(self.objects, "start_writing", lambda oids: told.append(sorted(oids)))
        volume = self.opened()
        for number in range(20):
            self.assertEqual(volume.wants_tidying, number * 2 * (4096 + RECORD_BYTES) > 1 << 16)
            for index in range(2):
                volume.write(index * OBJECT_BYTES, b"%04096d" % number)
            volume.flush()
            if number == 9:
                volume.tidy()
                self.assertEqual(told, [sorted(set(volume.map.slots.view) - {0})])
                break
        self.assertFalse(volume.wants_tidying)
        self.assertEqual(self.objects.flushed, [])

    def test_journal_stays_short(self) -> None:
        """However much is written and flushed, the journal does not grow for ever."""
        self.patch(open_map, "JOURNAL_BYTES", 1 << 16)
        for has_quiet_moments in (True, False):
            volume = self.opened()
            for number in range(200):
                volume.write(number % 3 * OBJECT_BYTES, b"%04096d" % number)
                volume.write(OBJECT_BYTES + 8192, b"x" * 100)
                volume.flush()
                if has_quiet_moments and volume.wants_tidying:
                    volume.tidy()
                name = self.store.records.names(ROOM)[0]
                self.assertLess(len(self.store.records.get(ROOM, name)), 3 << 16)
            self.assertEqual(read(self.opened(), 199 % 3 * OBJECT_BYTES, 4096), b"%04096d" % 199)

    def test_turn(self) -> None:
        """A log that is long makes room for another; flushes go on while the objects are synced."""
        self.patch(open_map, "JOURNAL_BYTES", 6000)
        volume = self.opened()
        for number in range(2):
            for index in range(2):
                volume.write(index * OBJECT_BYTES, b"%04096d" % number)
            volume.flush()
        self.assertEqual(self.objects.flushed, [])
        self.assertEqual(self.store.records.names(RELAYS), self.store.records.names(ROOM))
        serial = volume.map.header.serial
        self.assertEqual(read_map(self.store, MAPS, "v").header.serial, serial - 1)
        volume.tidy()
        self.assertEqual(self.objects.flushed, [set(volume.map.slots.view) - {0}])
        self.assertEqual(read_map(self.store, MAPS, "v").header.serial, serial)
        self.assertFalse(volume.wants_tidying)
        volume.close()
        self.assertEqual(self.store.records.names(RELAYS), [])

    def test_turn_is_whole(self) -> None:
        """What another connection changed just before a turn is committed before it."""
        self.patch(open_map, "JOURNAL_BYTES", 6000)
        volume = self.opened()
        for index in range(2):
            volume.write(index * OBJECT_BYTES, b"x" * 4096)
        finish = volume.map.flushing.finish

        def finish_late(commit: flushing.Commit) -> None:
            finish(commit)
            self.patch(volume.map.flushing, "finish", finish)
            volume.write(2 * OBJECT_BYTES, b"y")

        self.patch(volume.map.flushing, "finish", finish_late)
        volume.flush()
        logs = [self.store.records.get(room, "00000001") for room in (ROOM, RELAYS)]
        found = replay(logs[0], OTHER_BOOT, logs[1])
        assert found is not None
        self.assertEqual(found.last_serial, found.serial + 1)
        self.assertEqual((len(found.changes), found.valid), (3, 3))
        self.assertEqual(bytes(found.data[-1].content), b"y")

    def test_content_comes_back(self) -> None:
        """After a power cut objects that were never synced have what was flushed, and no more."""
        volume = self.opened()
        volume.write(5, b"hello")
        volume.write(OBJECT_BYTES, b"there")
        volume.flush()
        volume.write(5, b"later")
        slots = list(volume.map.slots.view)
        self.lose_uncommitted()
        self.objects.remove(slots[0])
        self.objects.write(slots[1], 0, bytes(5))
        volume = self.opened()
        self.assertEqual(read(volume, 5, 5), b"hello")
        self.assertEqual(read(volume, OBJECT_BYTES, 5), b"there")

    def test_content_is_not_older(self) -> None:
        """Content in the journal is not used once the objects were synced."""
        volume = self.opened()
        volume.write(0, b"old")
        volume.flush()
        volume.write(0, b"new" + bytes(OBJECT_BYTES - 3))
        volume.flush()
        self.lose_uncommitted()
        self.assertEqual(read(self.opened(), 0, 3), b"new")

    def test_busy(self) -> None:
        """A volume has one writer; nobody changes it behind its back."""
        volume = self.opened()
        for change in (
            lambda: open_volume(self.store, "v", self.sessions.fresh()),
            lambda: self.catalogue.delete("v"),
            lambda: self.catalogue.seal("v"),
            lambda: self.catalogue.rename("v", "w"),
            lambda: self.catalogue.resize("v", 1),
        ):
            self.assertRaises(VolumeBusy, change)
        volume.close()
        self.catalogue.delete("v")

    def test_failed_flush_poisons(self) -> None:
        """After a failed flush nothing is acknowledged any more, even if the disk recovers."""
        volume = self.opened()
        volume.write(0, b"x")
        self.objects.fails = True
        self.assertRaises(StorageUnavailable, volume.sync)
        self.objects.fails = False
        self.assertRaises(StorageUnavailable, volume.flush)
        self.assertRaises(StorageUnavailable, volume.write, 0, b"y")
        self.assertRaises(StorageUnavailable, volume.zero, 0, 1)
        volume.close()
        self.assertEqual(read(self.opened(), 0, 1), b"x")

    def test_deleted_before_recovery(self) -> None:
        """Deleting a volume whose writer died removes what the writer made."""
        volume = self.opened()
        volume.write(0, b"x")
        volume.write(OBJECT_BYTES, b"x")
        self.assertEqual(len(self.all_objects()), 2)
        self.deleted()
        self.assertEqual(self.all_objects(), set())
        self.assertEqual(self.store.records.names(ROOM), [])

    def test_unsettled(self) -> None:
        """A volume whose writer died is known, and settled once."""
        self.opened().write(0, b"x")
        self.assertEqual(self.catalogue.unsettled(), ["v"])
        kill(self.alive.pop())
        self.catalogue.settle("v")
        self.assertEqual(self.catalogue.unsettled(), [])

    def test_never_written(self) -> None:
        """Opening alone leaves no trace."""
        self.opened()
        self.assertEqual(self.catalogue.unsettled(), [])

    def test_old_journal(self) -> None:
        """A journal that the map has outlived changes nothing, and its garbage goes."""
        volume = self.opened()
        volume.write(0, b"x")
        name = self.store.records.names(ROOM)[0]
        left = self.store.records.get(ROOM, name)
        volume.write(0, bytes(1))
        volume.close()
        self.store.records.put(ROOM, name, left)
        volume = self.opened()
        volume.write(0, b"y")
        volume.zero(0, OBJECT_BYTES)
        volume.close()
        self.store.records.put(ROOM, name, left)
        self.assertEqual(read(self.opened(), 0, 1), bytes(1))
        self.assertEqual(self.all_objects(), set())

    def test_snapshot_half_done(self) -> None:
        """A snapshot that was not finished is not there, and nothing is lost or left."""
        volume = self.opened()
        volume.write(0, b"x")
        volume.close()
        data = self.buried()
        self.store.records.put("deleted", f"{decode_header(data).uid:08x}", data)
        self.catalogue.reclaim()
        self.assertEqual(read(self.opened(), 0, 1), b"x")
        self.deleted()
        self.assertEqual(self.all_objects(), set())
        self.assertEqual(self.store.records.names("deleted"), [])

    def test_snapshot_of_what_a_crash_left(self) -> None:
        """What is written as a volume is made whole for a snapshot belongs to both of them."""
        self.patch(slots, "DELTA_LIMIT", 0)
        self.opened().write(0, b"x")
        kill(self.alive.pop())
        self.catalogue.snapshot("v", "s")
        volume = self.opened()
        volume.write(0, b"y")
        volume.close()
        self.assertEqual(read(self.opened("s"), 0, 1), b"x")

    def test_renamed_after_half_a_cut(self) -> None:
        """Opening a volume to rename it ends what a crash interrupted before, not afterwards."""
        volume = self.opened()
        volume.write(0, b"x" * 100)
        kill(self.alive.pop())
        self.catalogue.settle("v")
        record = self.store.records.get("maps", "v")
        cut = decode_header(record)._replace(size_bytes=50, has_stale_end=True)
        self.store.records.put("maps", "v", with_header(cut, record))
        self.catalogue.rename("v", "w")
        self.assertEqual(self.store.records.names("maps"), ["w"])
        self.catalogue.resize("w", 100)
        self.assertEqual(read(self.opened("w"), 0, 100), b"x" * 50 + bytes(50))

    def test_stale_numbers(self) -> None:
        """A snapshot with numbers that are older than the volume's opening is refused."""
        new = self.catalogue.new_map("s")
        volume = self.opened()
        volume.write(0, b"x")
        self.assertRaises(StorageUnavailable, self.catalogue.freeze, volume, new)
        self.assertEqual(read(volume, 0, 1), b"x")

    def buried(self) -> bytes:
        """The snapshot of "v" before it got its name."""
        self.catalogue.snapshot("v", "s")
        data = self.store.records.get("maps", "s")
        self.store.records.remove("maps", "s")
        return data

    def test_cut_off_is_removed(self) -> None:
        """What a volume lost as it shrank goes, even if the daemon died before it could."""
        volume = self.opened()
        volume.write(0, b"x")
        volume.write(OBJECT_BYTES, b"y")
        volume.flush()
        self.objects.dies_removing = True
        self.assertRaises(Died, volume.resize, OBJECT_BYTES)
        self.objects.dies_removing = False
        self.assertEqual(self.opened().size_bytes, OBJECT_BYTES)
        self.assertEqual(len(self.all_objects()), 1)

    def test_sealed_refuses(self) -> None:
        """A sealed volume takes no writes."""
        self.catalogue.seal("v")
        self.assertRaises(ReadOnlyVolume, self.opened().write, 0, b"x")
        self.assertRaises(ReadOnlyVolume, self.opened().zero, 0, 1)

    def test_damaged_map(self) -> None:
        """A damaged map is an error, not zeros."""
        data = self.store.records.get("maps", "v")
        self.store.records.put("maps", "v", data[:-1])
        self.assertRaises(StorageUnavailable, self.opened)


def retagged(data: bytes) -> bytes:
    """The journal as another boot of the machine would find it."""
    found = []
    at = salt = 0
    while at + RECORD_BYTES <= len(data):
        kind, _, index, slot, parent, tag = struct.unpack_from("<HHIQQI", data, at)
        if data[at : at + RECORD_BYTES] != pack(kind, index, slot, tag, parent, salt):
            break  # space taken ahead, or what it said before it began anew
        assert kind in (START, CHANGE, COMMIT, FILL, DATA, SYNCED, GARBAGE)
        again = pack(kind, index, slot, OTHER_BOOT, parent, salt)
        if kind == START:
            salt = parent
        at += RECORD_BYTES
        size = parent >> 32 if kind == DATA else 0
        found.append(again + data[at : at + size])
        at += size
    return b"".join(found)
