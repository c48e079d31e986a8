"""
What must hold of a store: nothing that is needed is missing; of a file store also that nothing is
there for nobody.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from archipelagod.stores.store import Store, open_file_store
from archipelagod.volume import journal, opening
from archipelagod.volume.map_format import FIRST_OBJECT, DamagedMap, Record, decode
from archipelagod.volume.reclaim import DELETED, Needs, needs_of
from archipelagod.volume.slots import BODIES, Slots, body_name
from archipelagod.volume.stored_map import MAPS


class Found(NamedTuple):
    """
    A map, and what it needs.
    """

    room: str
    name: str
    record: Record
    needs: Needs


def problems(path: str, *, is_settled: bool) -> list[str]:
    """
    What is wrong with the store in ``path``, which nobody has open.

    is_settled: everything was closed well and nothing waits to be removed.
    """
    store = open_file_store(path)
    objects = objects_in(path)
    wrong, maps = _looked_at(store, objects)
    wrong += _damaged_blocks(path)
    if is_settled:
        wrong += _left_over(store, path, maps, objects)
    return wrong


def missing_in(store: Store) -> list[str]:
    """
    What is wrong with a store of any kind, which nobody has open.
    """
    named = (
        oid for session in store.objects.sessions() for oid in store.objects.of_session(session)
    )
    return _looked_at(store, {oid for oid in named if _is_there(store, oid)})[0]


def _is_there(store: Store, oid: int) -> bool:
    try:
        store.objects.space(oid)
    except FileNotFoundError:
        return False
    return True


def _looked_at(store: Store, objects: set[int]) -> tuple[list[str], list[Found]]:
    """
    What is wrong, and every map.
    """
    wrong: list[str] = []
    maps = [*_maps(store, MAPS, wrong), *_maps(store, DELETED, wrong)]
    return [*wrong, *_missing(store, maps, objects), *_owned_twice(maps)], maps


def _maps(store: Store, room: str, wrong: list[str]) -> list[Found]:
    found = []
    for name in store.records.names(room):
        try:
            record = decode(store.records.get(room, name))
            found.append(Found(room, name, record, _needs(store, record)))
        except (DamagedMap, FileNotFoundError) as error:
            if room == MAPS:  # a deleted map may be half removed
                wrong.append(f"{room}/{name}: {error!r}")
    return found


def _needs(store: Store, record: Record) -> Needs:
    """
    What the map refers to once its journal is taken into account.
    """
    replayed = opening.read_journal(store, record.header)
    if replayed is None or replayed.serial != record.header.serial:
        return needs_of(store, record)
    slots = Slots(store, record)
    opening._apply(replayed, slots)
    objects = {oid for oid in slots.references() if oid >= FIRST_OBJECT}
    return Needs(objects, {record.header.body, record.header.keys} - {0})


def objects_in(path: str) -> set[int]:
    """
    Every object, as the directories have it.
    """
    found = set()
    for directory, _, names in os.walk(f"{path}/objects"):
        parts = Path(directory).relative_to(f"{path}/objects").parts
        found |= {int(parts[1], 16) << 32 | int(name, 16) for name in names}
    return found


def _missing(store: Store, maps: list[Found], objects: set[int]) -> list[str]:
    bodies = set(store.records.names(BODIES))
    wrong = []
    for each in maps:
        if each.room != MAPS:
            continue  # what nobody else needed of it may be gone
        wrong += [
            f"{each.name} needs object {oid:016x}, which is missing"
            for oid in sorted(each.needs.objects - objects)
        ]
        wrong += [
            f"{each.name} needs body {body:016x}, which is missing"
            for body in sorted(each.needs.bodies)
            if body_name(body) not in bodies
        ]
    return wrong


def _owned_twice(maps: list[Found]) -> list[str]:
    users: dict[int, list[Found]] = {}
    for each in (found for found in maps if found.room == MAPS):  # nobody reads the deleted ones
        for oid in each.needs.objects:
            users.setdefault(oid, []).append(each)
    return [
        f"object {oid:016x} belongs to {each.name} and is used by {len(found) - 1} more"
        for oid, found in users.items()
        for each in found
        if len(found) > 1
        and not each.record.header.is_read_only
        and oid >= each.record.header.own_from << 32
    ]


def _damaged_blocks(path: str) -> list[str]:
    wrong = []
    for directory, _, names in os.walk(f"{path}/blocks"):
        for name in names:
            if len(name) == 64:
                content = Path(directory, name).read_bytes()
                if hashlib.sha256(content).hexdigest() != name:
                    wrong.append(f"block {name} has another content")
    return wrong


def _left_over(store: Store, path: str, maps: list[Found], objects: set[int]) -> list[str]:
    live = [each.needs for each in maps if each.room == MAPS]
    needed: set[int] = set().union(*(each.objects for each in live))
    bodies = {body_name(body) for each in live for body in each.bodies}
    wrong = [f"nobody needs object {oid:016x}" for oid in sorted(objects - needed)]
    wrong += [
        f"nobody needs body {name}" for name in store.records.names(BODIES) if name not in bodies
    ]
    for room in (journal.ROOM, journal.RELAYS):
        wrong += [f"journal {room}/{name} is left" for name in store.records.names(room)]
    wrong += [
        f"the deleted map {each.name} keeps nothing"
        for each in maps
        if each.room == DELETED and not each.needs.objects & needed
    ]
    wrong += [
        f"lease {name} is held"
        for name in os.listdir(f"{path}/leases")
        if store.leases.holder(name) is not None
    ]
    for part in ("records", "blocks"):
        if os.path.isdir(f"{path}/{part}/~"):
            wrong += [f"{part}/~/{name} is left" for name in os.listdir(f"{path}/{part}/~")]
    return wrong
