"""
The allocator keeps every bound, whatever the cluster looks like.
"""

from __future__ import annotations

from attrs import evolve
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.placement.allocator import (
    LAST_RESORT,
    UNALLOCABLE,
    Load,
    NoPlace,
    Room,
    capacity,
    evacuate,
    exclusion_tags,
    place,
    relocate,
    survives,
    why_not,
)
from ganetid.placement.balance import balanced, score

TAGS = st.frozensets(st.sampled_from(("db:a", "db:b")), max_size=1)


@st.composite
def loads(draw: st.DrawFn, name: str = "new") -> Load:
    return Load(
        name,
        draw(st.integers(0, 900)),
        draw(st.integers(1, 4)),
        draw(st.sampled_from((0, 0, 50))),
        draw(TAGS),
        draw(st.booleans()),
    )


@st.composite
def clusters(draw: st.DrawFn) -> list[Room]:
    rooms = []
    for number in range(draw(st.integers(1, 5))):
        carries = tuple(draw(loads(f"i{number}.{each}")) for each in range(draw(st.integers(0, 3))))
        rooms.append(
            Room(
                name=f"n{number}",
                group=draw(st.sampled_from(("g1", "g2"))),
                memory_mib=draw(st.integers(500, 3000)),
                cpus=draw(st.integers(1, 4)),
                disk_mib=draw(st.integers(50, 200)),
                vcpu_ratio=4.0,
                group_policy=draw(st.sampled_from(("preferred", LAST_RESORT, UNALLOCABLE))),
                takes=draw(st.booleans()),
                carries=carries,
            )
        )
    policies = {room.group: room.group_policy for room in rooms}
    return [evolve(room, group_policy=policies[room.group]) for room in rooms]


def room(name: str, memory_mib: int = 1000, **fields: object) -> Room:
    return Room(**{"name": name, "group": "g", "memory_mib": memory_mib, "cpus": 8,
                   "disk_mib": 1000, **fields})  # fmt: skip


class AllocatorTests(SynchronousTestCase):
    """place, relocate, evacuate, capacity."""

    @settings(max_examples=80)
    @given(loads(), clusters())
    def test_a_place_is_allowed(self, load: Load, rooms: list[Room]) -> None:
        """The chosen node had room; when none is chosen, none had."""
        able = [
            each for each in rooms
            if why_not(each, load) is None and each.group_policy != UNALLOCABLE
        ]  # fmt: skip
        try:
            found = place(load, rooms)
        except NoPlace as error:
            self.assertEqual((able, set(error.reasons)), ([], {each.name for each in rooms}))
            return
        chosen = next(each for each in able if each.name == found.node)
        ranks = {"preferred": 0, LAST_RESORT: 1}
        best = min(ranks[each.group_policy] for each in able)
        self.assertEqual(ranks[chosen.group_policy], best)

    @settings(max_examples=60)
    @given(clusters())
    def test_evacuation(self, rooms: list[Room]) -> None:
        """All that leaves a node fits where it goes, at once, in the same group."""
        assume(rooms[0].carries)
        places, failed = evacuate("n0", rooms)
        self.assertEqual(set(places) | set(failed), {each.name for each in rooms[0].carries})
        after = {each.name: each for each in rooms}
        for load in rooms[0].carries:
            if load.name in places:
                target = after[places[load.name]]
                self.assertEqual(target.group, rooms[0].group)
                self.assertNotEqual(target.name, "n0")
        for name, target in after.items():
            moved = [each for each in rooms[0].carries if places.get(each.name) == name]
            promised = sum(each.memory_mib for each in moved)
            if promised:
                self.assertLessEqual(promised, target.memory_left_mib)

    @settings(max_examples=60)
    @given(clusters())
    def test_survival_is_certain(self, rooms: list[Room]) -> None:
        """When it is said that a failure can be survived, a packing exists for each node."""
        assume(survives(rooms))
        for failed in rooms:
            left = {
                each.name: each.memory_left_mib
                for each in rooms if each.name != failed.name and each.takes
            }  # fmt: skip
            for load in sorted(failed.movable, key=lambda each: -each.memory_mib):
                best = max(left, key=lambda name: left[name])
                self.assertLessEqual(load.memory_mib, left[best])
                left[best] -= load.memory_mib

    @settings(max_examples=40)
    @given(clusters())
    def test_balance(self, rooms: list[Room]) -> None:
        """Every move makes it better, is allowed, and stays in its group; nobody is lost."""
        before = score(rooms)
        now = {each.name: each for each in rooms}
        for step in balanced(rooms, 10):
            self.assertLess(step.score, before)
            before = step.score
            (load,) = (each for each in now[step.source].carries if each.name == step.instance)
            self.assertIsNone(why_not(now[step.target], load))
            self.assertEqual(now[step.source].group, now[step.target].group)
            now[step.source] = now[step.source].without(load.name)
            now[step.target] = now[step.target].having(load)
        self.assertAlmostEqual(score(now.values()), before)

    def test_balance_evens_out(self) -> None:
        guests = tuple(Load(f"i{number}", 100, 1) for number in range(6))
        rooms = [room("a", carries=guests), room("b"), room("c")]
        self.assertEqual(len(balanced(rooms)), 4)

    def test_spread(self) -> None:
        """Equal guests are spread over equal nodes."""
        rooms = [room("a"), room("b"), room("c")]
        self.assertEqual(sorted(capacity(Load("x", 200, 1), rooms, 6)), list("aabbcc"))

    def test_n_plus_one(self) -> None:
        """A fuller node is taken when the emptier one would leave nothing for a failure."""
        rooms = [
            room("full", 1000, carries=(Load("i1", 800, 1),)),
            room("empty", 1000),
            room("small", 500),
        ]
        load = Load("x", 300, 1)
        found = place(load, rooms)
        self.assertEqual((found.node, found.survives), ("small", True))
        self.assertFalse(survives([rooms[0], rooms[1].having(load), rooms[2]]))

    def test_exclusion(self) -> None:
        """Two of one exclusion tag are never on one node."""
        tags = exclusion_tags(("db:a", "web", "dbx:a"), ("htools:iextags:db",))
        self.assertEqual(tags, {"db:a"})
        rooms = [room("a", carries=(Load("i", 10, 1, tags=tags),)), room("b", 100)]
        self.assertEqual(place(Load("x", 10, 1, tags=tags), rooms).node, "b")
        self.assertIn("exclusion tag", why_not(rooms[0], Load("x", 10, 1, tags=tags)) or "")

    def test_relocate(self) -> None:
        """It does not stand in its own way, and does not stay."""
        mine = Load("x", 600, 1)
        rooms = [room("a", carries=(mine,)), room("b", 700)]
        self.assertEqual(relocate(mine, rooms, {"a"}).node, "b")
        self.assertRaises(NoPlace, relocate, mine, rooms, {"a", "b"})

    def test_unallocable(self) -> None:
        """A group that is unallocable is used when it is named only."""
        rooms = [room("a", group_policy=UNALLOCABLE)]
        self.assertRaises(NoPlace, place, Load("x", 1, 1), rooms)
        self.assertEqual(place(Load("x", 1, 1), rooms, "g").node, "a")
