"""
Opening a volume, and making it whole after a crash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archipelagod.stores.leases import LeaseHeld
from archipelagod.volume import journal
from archipelagod.volume.map_format import BLOCKS, PARTIAL, DamagedMap, Header, Record, decode
from archipelagod.volume.open_map import OpenMap
from archipelagod.volume.slots import Slots
from archipelagod.volume.stored_map import MAPS
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import NoSuchVolume, StorageUnavailable, VolumeBusy

if TYPE_CHECKING:
    from archipelagod.stores.interface import ILease
    from archipelagod.stores.store import Store


def open_volume(store: Store, name: str, session: int) -> Volume:
    """
    The volume ``name``, ready for use.  If it can be written the lease on it is ours until
    ``close``.

    session: a fresh one, for the objects that will be made; 0 if none will.  Raises NoSuchVolume,
    VolumeBusy when the lease is held elsewhere, StorageUnavailable for a damaged map, OSError.
    """
    record = read_map(store, MAPS, name)
    if record.header.is_read_only:
        return Volume(store, OpenMap(store, name, record, session, None))
    uid = record.header.uid
    lease = lease_on(store, name, record.header)
    try:
        record = read_map(store, MAPS, name)  # as its last owner left it
        if record.header.uid != uid or 0 < session < record.header.own_from:
            raise VolumeBusy(f"{name}: another daemon changed it in this moment")
        opened = OpenMap(store, name, record, session, lease)
        _recover(store, opened)
        volume = Volume(store, opened)
        volume.make_whole()
        return volume
    except DamagedMap as error:
        lease.release()
        raise StorageUnavailable(f"{name}: {error}") from error
    except BaseException:
        lease.release()
        raise


def stand_by(store: Store, name: str) -> Volume:
    """
    The volume ``name``, which another daemon is about to hand over, as its map was last written: to
    be read, and never relied on.  Raises NoSuchVolume, StorageUnavailable, OSError.
    """
    record = read_map(store, MAPS, name)
    header = record.header._replace(is_read_only=True)
    opened = OpenMap(store, name, record._replace(header=header), 0, None)
    return Volume(store, opened, is_standby=not record.header.is_read_only)


def lease_on(store: Store, name: str, header: Header) -> ILease:
    """
    The right to be the only one who changes the volume.  Raises VolumeBusy, OSError.
    """
    try:
        return store.leases.acquire(f"{header.uid:08x}", name.encode())
    except LeaseHeld:
        raise VolumeBusy(f"{name}: open elsewhere") from None


def read_map(store: Store, room: str, name: str) -> Record:
    """
    The map as last written.  Raises NoSuchVolume, StorageUnavailable, OSError.
    """
    try:
        return decode(store.records.get(room, name))
    except FileNotFoundError:
        raise NoSuchVolume(name) from None
    except DamagedMap as error:
        raise StorageUnavailable(f"{name}: {error}") from error


def read_journal(store: Store, header: Header) -> journal.Replay | None:
    """
    What the journal of a volume says; None if there is none.  header: of the map.  Raises OSError.
    """
    name = journal.journal_name(header.uid)
    try:
        first = store.records.get(journal.ROOM, name)
    except FileNotFoundError:
        return None
    try:
        second = store.records.get(journal.RELAYS, name)
    except FileNotFoundError:
        second = b""
    tag = journal.boot_tag()
    found = journal.replay(first, tag, second)
    relay = journal.replay(second, tag, first)
    if relay is not None and relay.serial == header.serial:
        is_last = relay.last_serial == relay.serial
        return relay._replace(room=journal.RELAYS if is_last else journal.ROOM)
    if found is None:
        return journal.Replay(0, 0, [], 0, [], set())
    is_last = found.last_serial == found.serial
    return found._replace(room=journal.ROOM if is_last else journal.RELAYS)


def _recover(store: Store, opened: OpenMap) -> None:
    """
    Takes the journal into the map, and removes objects that nothing refers to.

    The journal goes last: when this is interrupted it is done again.  The map's new serial is above
    those of both its logs: what they say is not done twice.
    """
    header = opened.header
    found = read_journal(store, header)
    if found is None:
        return
    store.objects.flush_all()  # writes that the dead writer acknowledged are still in the kernel
    garbage = found.garbage
    if found.serial == header.serial:
        dropped = _apply(found, opened.slots)
        if not dropped <= garbage:
            _add_garbage(store, header.uid, found, dropped)
        garbage |= dropped
        _write_again(store, found, opened.slots.references())
        opened.stored.replace(found.last_serial + 1)
    if found.session:
        garbage.update(store.objects.of_session(found.session))
    for oid in garbage - opened.slots.references():
        store.objects.remove(oid)
    for room in (journal.RELAYS, journal.ROOM):
        store.records.remove(room, journal.journal_name(header.uid))


def _apply(found: journal.Replay, slots: Slots) -> set[int]:
    """
    Changes ``slots`` as told; the map's own objects that it let go.  Raises DamagedMap.
    """
    dropped = set()
    for change in found.changes[: found.valid]:
        if change.at >= len(slots.view):
            continue  # written by nobody
        if change.kind == journal.CHANGE:
            old = slots.put(change.at, change.slot, change.parent) & ~PARTIAL
            if old >= slots.own_floor:
                dropped.add(old)
        elif slots.view[change.at] == change.parent:
            first, count = change.slot >> 32, change.slot & 0xFFFFFFFF
            if first + count > BLOCKS:
                raise DamagedMap(f"its journal fills {first + count} blocks of an object")
            slots.fill(change.at, first, count)
    return dropped


def _add_garbage(store: Store, uid: int, found: journal.Replay, oids: set[int]) -> None:
    """
    Has the journal name objects that the map is about to let go of: if this is interrupted when the
    map is written nothing else tells of them.
    """
    name = journal.journal_name(uid)
    said = store.records.get(found.room, name, found.end)
    records = (journal.pack(journal.GARBAGE, 0, oid, 0, 0, found.salt) for oid in sorted(oids))
    store.records.put(found.room, name, said + b"".join(records))


def _write_again(store: Store, found: journal.Replay, needed: set[int]) -> None:
    """
    Gives objects the content that only the journal has.
    """
    objects = {data.oid for data in found.data} & needed
    for data in found.data:
        if data.oid not in objects:
            continue  # let go later
        try:
            store.objects.write(data.oid, data.inner, data.content)
        except FileNotFoundError:  # not even its name was on stable storage
            store.objects.create(data.oid)
            store.objects.write(data.oid, data.inner, data.content)
    store.objects.flush(objects)
