"""
Where instances fit, in the spirit of Ganeti's hail: pure decisions over what nodes have and carry.

Memory is what was promised (maxmem of instances that should run), not what happens to be free.
Sizes are MiB.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from attrs import evolve, frozen

PREFERRED = "preferred"
LAST_RESORT = "last_resort"
UNALLOCABLE = "unallocable"
POLICY_ORDER = {PREFERRED: 0, LAST_RESORT: 1}


@frozen
class Load:
    """
    What an instance takes.

    local_disk_mib: of the node's own disk; 0 on shared storage.  tags: its exclusion tags, which
    no two instances on a node may share.  movable: its storage is reached from other nodes.
    """

    name: str
    memory_mib: int
    vcpus: int
    local_disk_mib: int = 0
    tags: frozenset[str] = frozenset()
    movable: bool = True


@frozen
class Room:
    """
    A node: what it has, what it carries, and whether it takes more.

    group_policy: alloc_policy of its group.  vcpu_ratio: virtual processors per real one.
    """

    name: str
    group: str
    memory_mib: int
    cpus: int
    disk_mib: int
    vcpu_ratio: float = 16.0
    group_policy: str = PREFERRED
    takes: bool = True
    carries: tuple[Load, ...] = ()

    @cached_property
    def memory_left_mib(self) -> int:
        """Not promised yet; negative when too much was."""
        return self.memory_mib - sum(each.memory_mib for each in self.carries)

    @cached_property
    def vcpus(self) -> int:
        """Virtual processors of all that it carries."""
        return sum(each.vcpus for each in self.carries)

    @cached_property
    def local_disk_mib(self) -> int:
        """Of its own disk, of all that it carries."""
        return sum(each.local_disk_mib for each in self.carries)

    @cached_property
    def tags(self) -> frozenset[str]:
        """Exclusion tags of all that it carries."""
        return frozenset().union(*(each.tags for each in self.carries))

    @cached_property
    def movable(self) -> tuple[Load, ...]:
        """What can go on elsewhere, and needs memory there."""
        return tuple(each for each in self.carries if each.movable and each.memory_mib)

    def having(self, load: Load) -> Room:
        """With one instance more."""
        return evolve(self, carries=(*self.carries, load))

    def without(self, name: str) -> Room:
        """With one instance less."""
        return evolve(self, carries=tuple(each for each in self.carries if each.name != name))


class NoPlace(Exception):
    """No node can take it: why, by node."""

    def __init__(self, name: str, reasons: Mapping[str, str]) -> None:
        told = "; ".join(f"{node}: {reason}" for node, reason in sorted(reasons.items()))
        super().__init__(f"No node can take {name}: {told or 'there is none'}")
        self.reasons = dict(reasons)


@frozen
class Place:
    """Where an instance goes.  survives: any one node of the group may fail after that."""

    node: str
    survives: bool


def why_not(room: Room, load: Load) -> str | None:
    """What keeps the node from taking it; None when nothing does."""
    if not room.takes:
        return "takes no instances"
    if load.memory_mib > room.memory_left_mib:
        return f"memory: {load.memory_mib} MiB wanted, {max(0, room.memory_left_mib)} MiB left"
    vcpus = room.vcpus + load.vcpus
    if vcpus > room.cpus * room.vcpu_ratio:
        return f"processors: {vcpus} virtual on {room.cpus} real ones"
    disk_left = room.disk_mib - room.local_disk_mib
    if load.local_disk_mib and load.local_disk_mib > disk_left:
        return f"disk: {load.local_disk_mib} MiB wanted, {max(0, disk_left)} MiB left"
    taken = load.tags & room.tags
    return f"exclusion tag {min(taken)}" if taken else None


def survives(rooms: Collection[Room]) -> bool:
    """
    Whether the guests of any one of these nodes fit on the others (N+1).

    Of memory; packed largest first, so a yes is certain, a no is not.
    """
    return all(
        _memory_fits(
            failed.movable,
            [room.memory_left_mib for room in rooms if room.name != failed.name and room.takes],
        )
        for failed in rooms
        if failed.movable
    )


def place(load: Load, rooms: Collection[Room], group: str | None = None) -> Place:
    """
    The best node: in a group of the best policy, so that a failure can be survived, least loaded.

    group: only there, whatever its policy.  Raises NoPlace.
    """
    reasons: dict[str, str] = {}
    able: list[tuple[tuple[int, bool, float, str], Place]] = []
    for room in rooms:
        reason = _why_not_here(room, load, group)
        if reason is not None:
            reasons[room.name] = reason
            continue
        after = room.having(load)
        peers = [each for each in rooms if each.group == room.group and each.name != room.name]
        safe = survives([after, *peers]) or not survives([room, *peers])
        rank = POLICY_ORDER.get(room.group_policy, 0)
        place_here = Place(room.name, survives([after, *peers]))
        able.append(((rank, not safe, pressure(after), room.name), place_here))
    if not able:
        raise NoPlace(load.name, reasons)
    return min(able, key=lambda each: each[0])[1]


def relocate(
    load: Load, rooms: Collection[Room], away_from: Collection[str], group: str | None = None
) -> Place:
    """Where an instance that is somewhere already can go to.  Raises NoPlace."""
    without = [room.without(load.name) for room in rooms]
    return place(load, [room for room in without if room.name not in away_from], group)


def evacuate(
    node: str, rooms: Sequence[Room], only: Collection[str] | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """
    (instance -> new node, instance -> why it has none) for all that a node carries.

    They stay in the node's group.  only: names; None: all.
    """
    leaving = next(room for room in rooms if room.name == node)
    left = [evolve(room, takes=room.takes and room.name != node) for room in rooms]
    places: dict[str, str] = {}
    failed: dict[str, str] = {}
    for load in sorted(leaving.carries, key=lambda each: (-each.memory_mib, each.name)):
        if only is not None and load.name not in only:
            continue
        if not load.movable:
            failed[load.name] = "its disks are on that node only"
            continue
        try:
            found = place(load, left, leaving.group)
        except NoPlace as error:
            failed[load.name] = str(error)
            continue
        places[load.name] = found.node
        left = [room.having(load) if room.name == found.node else room for room in left]
    return places, failed


def capacity(load: Load, rooms: Sequence[Room], most: int = 10_000) -> list[str]:
    """Where one after the other of equal instances would go, until there is no place left."""
    chosen: list[str] = []
    left = list(rooms)
    while len(chosen) < most:
        one = evolve(load, name=f"{load.name}-{len(chosen)}")
        try:
            found = place(one, left)
        except NoPlace:
            break
        chosen.append(found.node)
        left = [room.having(one) if room.name == found.node else room for room in left]
    return chosen


def pressure(room: Room) -> float:
    """How loaded a node is: the mean of the squares of its used parts, so that peaks count."""
    memory = 1 - room.memory_left_mib / room.memory_mib if room.memory_mib else 1.0
    cpu = room.vcpus / max(1.0, room.cpus * room.vcpu_ratio)
    disk = room.local_disk_mib / max(1, room.disk_mib)
    return (memory**2 + cpu**2 + disk**2) / 3 + len(room.carries) * 1e-6


def exclusion_tags(tags: Iterable[str], cluster_tags: Iterable[str]) -> frozenset[str]:
    """
    An instance's tags that exclude others from its node: those with a prefix that the cluster
    names by a tag ``htools:iextags:PREFIX``.
    """
    prefixes = tuple(
        tag.removeprefix("htools:iextags:") + ":"
        for tag in cluster_tags
        if tag.startswith("htools:iextags:")
    )
    return frozenset(tag for tag in tags if prefixes and tag.startswith(prefixes))


def _why_not_here(room: Room, load: Load, group: str | None) -> str | None:
    if group is not None and room.group != group:
        return f"is not in group {group}"
    if group is None and room.group_policy == UNALLOCABLE:
        return f"group {room.group} is unallocable"
    return why_not(room, load)


def _memory_fits(loads: Collection[Load], left_mib: list[int]) -> bool:
    """Whether these fit into what is left on some nodes."""
    wanted = [each.memory_mib for each in loads]
    largest = max(wanted)
    if sum(wanted) <= sum(max(0, left - largest) for left in left_mib):
        return True  # each node can be filled up to less than the largest one
    heap = [-left for left in left_mib]
    heapq.heapify(heap)
    for memory_mib in sorted(wanted, reverse=True):
        if not heap or -heap[0] < memory_mib:
            return False
        heapq.heapreplace(heap, heap[0] + memory_mib)
    return True
