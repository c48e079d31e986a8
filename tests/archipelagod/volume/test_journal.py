"""
Journals of maps.
"""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import open_memory_store
from archipelagod.volume.journal import (
    CHANGE,
    COMMIT,
    DATA,
    FILL,
    RECORD_BYTES,
    RELAYS,
    ROOM,
    START,
    SYNCED,
    Change,
    boot_tag,
    pack,
    replay,
)
from archipelagod.volume.open_journal import Journal

changes = st.lists(
    st.builds(
        Change,
        st.sampled_from([CHANGE, FILL]),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
    ),
    max_size=10,
)
BOOT, OTHER_BOOT = 11, 12
EXPECTED = [
    (CHANGE, 7, 70, 0),
    (CHANGE, 8, 80, 7),
    (FILL, 8, 1 << 32 | 2, 80),
    (FILL, 8, 9 << 32 | 1, 80),
    (FILL, 8, 3 << 32 | 5, 80),
]


def journal(made: list[Change], committed: int) -> bytes:
    """A journal with so many changes committed at once."""
    records = [pack(START, 1, 5 << 32 | 3, BOOT)]
    for number, change in enumerate(made, 1):
        records.append(pack(change.kind, change.at, change.slot, BOOT, change.parent))
        if number == committed:
            records.append(pack(COMMIT, 0, number, BOOT))
    return b"".join(records)


class ReplayTests(SynchronousTestCase):
    """replay."""

    @given(changes, st.data())
    def test_same_boot(self, made: list[Change], data: st.DataObject) -> None:
        """After a crash of the daemon alone every change counts."""
        committed = data.draw(st.integers(0, len(made)))
        found = replay(journal(made, committed), BOOT)
        assert found is not None
        self.assertEqual((found.serial, found.session), (3, 5))
        self.assertEqual(found.changes[: found.valid], made)

    @given(changes, st.data())
    def test_other_boot(self, made: list[Change], data: st.DataObject) -> None:
        """After a crash of the machine only committed changes count."""
        committed = data.draw(st.integers(0, len(made)))
        found = replay(journal(made, committed), OTHER_BOOT)
        assert found is not None
        self.assertEqual(found.changes[: found.valid], made[:committed])

    @given(changes, st.data())
    def test_torn(self, made: list[Change], data: st.DataObject) -> None:
        """A torn or damaged end hides itself and what follows, nothing before it."""
        whole = bytearray(journal(made, len(made)))
        at = data.draw(st.integers(RECORD_BYTES, len(whole)))
        if data.draw(st.booleans()) or at == len(whole):
            del whole[at:]
        else:
            whole[at] ^= 0x40
        found = replay(bytes(whole), BOOT)
        assert found is not None
        intact = min(len(made), (at - RECORD_BYTES) // RECORD_BYTES)
        self.assertEqual(found.changes[: found.valid], made[:intact])

    def test_data(self) -> None:
        """Content counts up to the last commit, from the last sync on, after another boot."""
        start = pack(START, 1, 5 << 32 | 3, BOOT)

        def data(content: bytes) -> bytes:
            return pack(DATA, 7, 70, BOOT, len(content) << 32 | zlib.crc32(content)) + content

        def found(journal: bytes, boot: int = OTHER_BOOT) -> list[bytes]:
            replayed = replay(start + journal, boot)
            assert replayed is not None
            return [bytes(each.content) for each in replayed.data]

        commit, synced = pack(COMMIT, 0, 0, BOOT), pack(SYNCED, 0, 0, BOOT)
        self.assertEqual(found(data(b"a")), [])
        self.assertEqual(found(data(b"a") + commit + data(b"b")), [b"a"])
        self.assertEqual(found(data(b"a") + commit + synced + data(b"b") + commit), [b"b"])
        self.assertEqual(found(data(b"a") + commit, BOOT), [])
        damaged = bytearray(data(b"abc") + commit)
        damaged[RECORD_BYTES] ^= 1
        self.assertEqual(found(bytes(damaged)), [])

    def test_no_start(self) -> None:
        """A journal whose first record is torn says nothing."""
        self.assertIsNone(replay(pack(START, 1, 1, BOOT)[:-1], BOOT))
        self.assertIsNone(replay(b"", BOOT))


class JournalTests(SynchronousTestCase):
    """Journal."""

    def test_written_is_replayed(self) -> None:
        """What a journal was told is what it says."""
        store = open_memory_store()
        kept = Journal(store, 1, 3, 5)
        kept.begin()
        kept.change(7, 70)
        kept.commit(1, bytearray())
        kept.change_partly(8, 80, 7, [(1, 2), (9, 1)])
        kept.fill(8, 80, 3, 5)
        found = replay(store.records.get(ROOM, "00000001"), boot_tag())
        assert found is not None
        self.assertEqual(found.changes, EXPECTED)
        self.assertEqual(found.valid, 5)

    def test_begun_anew(self) -> None:
        """What a journal said before it began anew counts for nothing, in whatever it is found."""
        store = open_memory_store()
        kept = Journal(store, 1, 3, 5)
        kept.begin()
        for number in range(20):
            kept.change(number, 70)
        kept.begin_anew(4, 6)
        kept.change(7, 71)
        data = store.records.get(ROOM, "00000001")
        self.assertEqual(len(data), 21 * RECORD_BYTES)
        found = replay(data, boot_tag())
        assert found is not None
        self.assertEqual((found.serial, found.session, found.changes), (4, 6, [(CHANGE, 7, 71, 0)]))

    def test_forged(self) -> None:
        """Records that a guest wrote as content are none when it is found behind the end."""
        store = open_memory_store()
        kept = Journal(store, 1, 3, 5)
        kept.begin()
        forged = pack(CHANGE, 7, 70, boot_tag()) * 100
        kept.commit(0, bytearray(kept.data(9, 0, forged) + forged))
        kept.begin_anew(4, 6)
        kept.change(1, 71)
        found = replay(store.records.get(ROOM, "00000001"), boot_tag())
        assert found is not None
        self.assertEqual(found.changes, [(CHANGE, 1, 71, 0)])

    def test_turns(self) -> None:
        """What two logs say that take turns is said by both together, and by the second alone."""
        store = open_memory_store()
        kept = Journal(store, 1, 3, 5)
        kept.begin()
        for turn, serial in enumerate((4, 5)):
            kept.change(turn, 70)
            kept.commit(1, bytearray(kept.data(70, turn, b"content") + b"content"))
            kept.turn(serial)
        kept.change(2, 70)
        logs = [store.records.get(room, "00000001") for room in (RELAYS, ROOM)]
        found = replay(logs[0], OTHER_BOOT, logs[1])
        assert found is not None
        self.assertEqual((found.serial, found.last_serial, found.session), (4, 5, 5))
        self.assertEqual([change.at for change in found.changes], [1, 2])
        self.assertEqual((found.valid, [data.inner for data in found.data]), (1, [1]))
        last = replay(logs[1], OTHER_BOOT, logs[0])
        assert last is not None
        self.assertEqual((last.serial, [change.at for change in last.changes]), (5, [2]))

    def test_turn_after_damage(self) -> None:
        """A log that goes on where another ends counts only if all of that is there."""
        store = open_memory_store()
        kept = Journal(store, 1, 3, 5)
        kept.begin()
        kept.change(0, 70)
        kept.commit(1, bytearray())
        kept.turn(4)
        kept.change(1, 70)
        first, second = (store.records.get(room, "00000001") for room in (ROOM, RELAYS))
        for damaged, expected in ((first, [0, 1]), (first[:-1], [0]), (first[:-33], [])):
            found = replay(damaged, boot_tag(), second)
            assert found is not None
            self.assertEqual([change.at for change in found.changes], expected)

    def test_discarded(self) -> None:
        """A discarded journal is gone, and may begin again."""
        store = open_memory_store()
        kept = Journal(store, 1, 3, 5)
        kept.begin()
        kept.discard()
        self.assertEqual(store.records.names(ROOM), [])
        kept.begin()
        self.assertEqual(store.records.names(ROOM), ["00000001"])
