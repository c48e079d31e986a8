"""
What every hypervisor must do: one suite, run on each implementation.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from ganetid.hypervisor.interface import (
    Changed,
    Ended,
    FileDrive,
    Guest,
    IHypervisor,
    State,
    UserNic,
)
from ganetid.opcodes.errors import HypervisorError

DISK = "11111111-2222-3333-4444-555555555555"
NIC = "21111111-2222-3333-4444-555555555555"


@frozen
class Bench:
    """
    What the suite needs of an implementation.

    make: a hypervisor; the next one made is the same machine after a restart of the process.
    make_other: one of another machine.
    guest: a guest that starts, by name.  broken: one that doesn't.
    let_die: end a guest behind the hypervisor's back.
    """

    make: Callable[[], IHypervisor]
    make_other: Callable[[], IHypervisor]
    guest: Callable[[str], Guest]
    broken: Callable[[str], Guest]
    let_die: Callable[[IHypervisor, str], None]


def hypervisor_contract(build: Callable[[TestCase], Bench]) -> type[TestCase]:  # noqa: C901
    """A test case of the suite; `build` is called for every test."""

    def deferred(test: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Deferred[None]]:
        def run(self: Any) -> Deferred[None]:
            return Deferred.fromCoroutine(test(self))

        run.__doc__, run.__name__ = test.__doc__, test.__name__
        return run

    class HypervisorContract(TestCase):
        timeout = 40

        def setUp(self) -> None:
            self.bench = build(self)
            self.made: list[IHypervisor] = []
            self.others: list[IHypervisor] = []
            self.addCleanup(self.clear)

        def clear(self) -> Deferred[None]:
            async def clear() -> None:
                for each in self.others[-1:] + self.made[-1:]:
                    for name in each.kept():
                        await each.clear(name)
                for each in self.others + self.made:
                    await each.close()

            return Deferred.fromCoroutine(clear())

        async def hypervisor(self, *names: str) -> Any:
            made = self.bench.make()
            self.made.append(made)
            self.ended = list(await made.recover(names))
            return made

        async def other(self) -> Any:
            made = self.bench.make_other()
            self.others.append(made)
            await made.recover(())
            return made

        async def refused(self, work: Awaitable[Any]) -> None:
            """It fails with HypervisorError."""
            await self.assertFailure(
                Deferred.fromCoroutine(work),  # type: ignore[arg-type]
                HypervisorError,
            )

        async def under_way(self) -> tuple[Any, Any]:
            """A source whose guest `one` has left, and the destination that got it."""
            source, destination = await self.hypervisor(), await self.other()
            await source.start(self.bench.guest("one"))
            guest = evolve(self.bench.guest("one"), shape=await source.shape("one"))
            uri = await destination.expect(guest)
            self.assertEqual(destination.state("one"), State.ARRIVING)
            self.assertNotIn("one", destination.running())
            moved = await source.migrate("one", uri)
            self.assertTrue(moved.was_running)
            self.assertEqual(source.state("one"), State.LEFT)
            self.assertNotIn("one", source.running())
            return source, destination

        @deferred
        async def test_interface(self) -> None:
            """It has what IHypervisor says."""
            verifyObject(IHypervisor, await self.hypervisor())

        @deferred
        async def test_started_runs(self) -> None:
            """A guest that was started runs, and says so when asked."""
            hypervisor = await self.hypervisor()
            await hypervisor.start(self.bench.guest("one"))
            self.assertIn("one", hypervisor.running())
            self.assertTrue(await hypervisor.verify("one"))

        @deferred
        async def test_twice(self) -> None:
            """A guest that runs can't be started again, and goes on."""
            hypervisor = await self.hypervisor()
            await hypervisor.start(self.bench.guest("one"))
            await self.assertFailure(
                Deferred.fromCoroutine(hypervisor.start(self.bench.guest("one"))), HypervisorError
            )
            self.assertTrue(await hypervisor.verify("one"))

        @deferred
        async def test_broken(self) -> None:
            """Of a guest that does not start nothing is kept."""
            hypervisor = await self.hypervisor()
            guest = self.bench.broken("broken")
            await self.assertFailure(
                Deferred.fromCoroutine(hypervisor.start(guest)), HypervisorError
            )
            self.assertNotIn(guest.name, hypervisor.running())
            self.assertNotIn(guest.name, hypervisor.kept())

        @deferred
        async def test_stop_at_once(self) -> None:
            """Without patience a guest is ended, and did not go by itself; nobody is told."""
            hypervisor = await self.hypervisor()
            told: list[Ended] = []
            hypervisor.watch(told.append)
            await hypervisor.start(self.bench.guest("one"))
            self.assertFalse(await hypervisor.stop("one", 0))
            self.assertNotIn("one", hypervisor.running())
            self.assertFalse(await hypervisor.verify("one"))
            self.assertEqual(told, [])

        @deferred
        async def test_stop_what_is_off(self) -> None:
            """A guest that is off has gone by itself."""
            hypervisor = await self.hypervisor()
            self.assertTrue(await hypervisor.stop("one", 5))

        @deferred
        async def test_start_after_stop(self) -> None:
            """A guest that was stopped starts again."""
            hypervisor = await self.hypervisor()
            await hypervisor.start(self.bench.guest("one"))
            await hypervisor.stop("one", 0)
            await hypervisor.start(self.bench.guest("one"))
            self.assertTrue(await hypervisor.verify("one"))

        @deferred
        async def test_reset(self) -> None:
            """A guest that was reset runs on; one that is off can't be reset."""
            hypervisor = await self.hypervisor()
            await self.assertFailure(
                Deferred.fromCoroutine(hypervisor.reset("one")), HypervisorError
            )
            await hypervisor.start(self.bench.guest("one"))
            await hypervisor.reset("one")
            self.assertTrue(await hypervisor.verify("one"))

        @deferred
        async def test_reboot(self) -> None:
            """After a soft reboot, obeyed or not, the guest runs; one that is off can't."""
            hypervisor = await self.hypervisor()
            await self.assertFailure(
                Deferred.fromCoroutine(hypervisor.reboot("one", 1)), HypervisorError
            )
            await hypervisor.start(self.bench.guest("one"))
            await hypervisor.reboot("one", 1)
            self.assertTrue(await hypervisor.verify("one"))

        @deferred
        async def test_clear(self) -> None:
            """Clearing ends the guest and forgets it, and may be done again."""
            hypervisor = await self.hypervisor()
            await hypervisor.start(self.bench.guest("one"))
            await hypervisor.clear("one")
            await hypervisor.clear("one")
            self.assertNotIn("one", hypervisor.running())
            self.assertNotIn("one", hypervisor.kept())

        @deferred
        async def test_found_again(self) -> None:
            """Guests outlive the process, and the next one finds and commands them."""
            first = await self.hypervisor()
            await first.start(self.bench.guest("one"))
            await first.close()
            second = await self.hypervisor("one")
            self.assertEqual(self.ended, [])
            self.assertIn("one", second.kept())
            self.assertTrue(await second.verify("one"))
            await second.stop("one", 0)
            self.assertNotIn("one", second.running())

        @deferred
        async def test_gone_meanwhile(self) -> None:
            """A guest that died while nobody watched is reported at the next start."""
            first = await self.hypervisor()
            await first.start(self.bench.guest("one"))
            self.bench.let_die(first, "one")
            await first.close()
            await deferLater(reactor, 0.2)
            await self.hypervisor("one", "never-there")
            self.assertEqual(
                [(each.name, each.by_guest) for each in self.ended],
                [("one", False), ("never-there", False)],
            )

        @deferred
        async def test_told(self) -> None:
            """Whoever watches is told of a guest that dies."""
            hypervisor = await self.hypervisor()
            told: Deferred[Ended] = Deferred()
            hypervisor.watch(told.callback)
            await hypervisor.start(self.bench.guest("one"))
            self.bench.let_die(hypervisor, "one")
            ended = await told.addTimeout(10, reactor)
            self.assertEqual((ended.name, ended.by_guest), ("one", False))
            self.assertNotIn("one", hypervisor.running())

        @deferred
        async def test_pause(self) -> None:
            """A paused guest is there but does not run; each change is told, and only once."""
            hypervisor = await self.hypervisor()
            await self.refused(hypervisor.pause("one"))
            await hypervisor.start(self.bench.guest("one"))
            told: list[Changed] = []
            hypervisor.watch(lambda ended: None, told.append)
            for _ in range(2):
                await hypervisor.pause("one")
            self.assertEqual(hypervisor.state("one"), State.PAUSED)
            self.assertIn("one", hypervisor.running())
            self.assertFalse(await hypervisor.verify("one"))
            for _ in range(2):
                await hypervisor.resume("one")
            self.assertTrue(await hypervisor.verify("one"))
            self.assertEqual([each.what for each in told], ["paused", "running"])

        @deferred
        async def test_paused_found_again(self) -> None:
            """A paused guest is found paused by the next process."""
            first = await self.hypervisor()
            await first.start(self.bench.guest("one"))
            await first.pause("one")
            await first.close()
            second = await self.hypervisor("one")
            self.assertEqual((second.state("one"), self.ended), (State.PAUSED, []))
            await second.resume("one")
            self.assertTrue(await second.verify("one"))

        @deferred
        async def test_reset_is_told(self) -> None:
            """Who watches is told of a reset."""
            hypervisor = await self.hypervisor()
            await hypervisor.start(self.bench.guest("one"))
            told: Deferred[Changed] = Deferred()
            hypervisor.watch(lambda ended: None, told.callback)
            await hypervisor.reset("one")
            self.assertEqual((await told.addTimeout(5, reactor)).what, "reset")

        @deferred
        async def test_plug(self) -> None:
            """Disks and NICs are plugged once, and the next process still knows them."""
            hypervisor = await self.hypervisor()
            await hypervisor.start(self.bench.guest("one"))
            with tempfile.NamedTemporaryFile() as file:
                file.truncate(1024 * 1024)
                drive = FileDrive(file.name, uuid=DISK)
                await hypervisor.plug_drive("one", drive, 0)
                await self.refused(hypervisor.plug_drive("one", drive, 1))
                await self.refused(hypervisor.plug_drive("one", FileDrive(file.name), 1))
                await hypervisor.plug_nic("one", UserNic("52:54:00:00:00:01", uuid=NIC), 0)
                await self.refused(
                    hypervisor.plug_nic("one", UserNic("52:54:00:00:00:02", uuid=NIC), 1)
                )
                await hypervisor.close()
                again = await self.hypervisor("one")
                self.assertEqual(await again.devices("one"), {DISK[:18], NIC[:18]})
                await again.resize_drive("one", DISK, 1024 * 1024)
                await self.refused(again.resize_drive("one", NIC, 1024 * 1024))
                await again.unplug_drive("one", "never-there")
                await again.clear("one")

        @deferred
        async def test_memory(self) -> None:
            """Memory can be asked back down to something, not given beyond what there is."""
            hypervisor = await self.hypervisor()
            guest = self.bench.guest("one")
            await hypervisor.start(evolve(guest, start_memory_mib=guest.memory_mib // 2))
            await self.refused(hypervisor.set_memory("one", guest.memory_mib + 1))
            await self.refused(hypervisor.set_memory("one", 0))
            await hypervisor.set_memory("one", guest.memory_mib)
            used = await hypervisor.statistics("one")
            self.assertEqual(used.memory_mib, guest.memory_mib)

        @deferred
        async def test_no_agent(self) -> None:
            """A guest without an agent says so."""
            hypervisor = await self.hypervisor()
            await hypervisor.start(self.bench.guest("one"))
            await self.refused(hypervisor.agent("one", "guest-ping"))

        @deferred
        async def test_move(self) -> None:
            """A guest that moves runs at its destination once it is settled there."""
            source, destination = await self.under_way()
            for side in (source, destination):
                await self.refused(side.resume("one"))
                await self.refused(side.reset("one"))
                self.assertFalse(await side.verify("one"))
            told: list[Ended] = []
            source.watch(told.append)
            for _ in range(2):
                await destination.settle("one")
                self.assertTrue(await destination.verify("one"))
            for _ in range(2):
                await source.settle("one")
                self.assertIsNone(source.state("one"))
            self.assertNotIn("one", source.kept())
            self.assertTrue(await destination.verify("one"))
            self.assertEqual(told, [])

        @deferred
        async def test_interrupt(self) -> None:
            """A guest that is interrupted runs on; one that is off can't be."""
            hypervisor = await self.hypervisor()
            await self.refused(hypervisor.interrupt("one"))
            await hypervisor.start(self.bench.guest("one"))
            await hypervisor.interrupt("one")
            self.assertTrue(await hypervisor.verify("one"))

        @deferred
        async def test_sleep(self) -> None:
            """Of a guest that sleeps its memory is left alone; waked, twice even, it runs."""
            memory = Path(tempfile.mkdtemp(prefix="gnt")) / "memory"
            self.addCleanup(shutil.rmtree, memory.parent)
            hypervisor, guest = await self.hypervisor(), self.bench.guest("one")
            told: list[Ended] = []
            hypervisor.watch(told.append)
            await self.refused(hypervisor.suspend("one", memory))
            await self.refused(hypervisor.wake(guest, memory))
            await hypervisor.start(guest)
            await hypervisor.suspend("one", memory)
            self.assertEqual((hypervisor.state("one"), hypervisor.kept()), (None, frozenset()))
            self.assertEqual([each.name for each in memory.parent.iterdir()], ["memory"])
            for _ in range(2):
                await hypervisor.wake(guest, memory)
                self.assertTrue(await hypervisor.verify("one"))
            self.assertEqual(told, [])

        @deferred
        async def test_move_paused(self) -> None:
            """A guest that was paused is paused at its destination."""
            source, destination = await self.hypervisor(), await self.other()
            await source.start(self.bench.guest("one"))
            await source.pause("one")
            guest = evolve(self.bench.guest("one"), shape=await source.shape("one"))
            moved = await source.migrate("one", await destination.expect(guest))
            self.assertFalse(moved.was_running)
            await destination.settle("one", run=moved.was_running)
            self.assertEqual(destination.state("one"), State.PAUSED)
            await destination.resume("one")
            self.assertTrue(await destination.verify("one"))

        @deferred
        async def test_call_back(self) -> None:
            """A guest that left comes back when its destination is given up."""
            source, destination = await self.under_way()
            await destination.abort("one")
            self.assertIsNone(destination.state("one"))
            self.assertNotIn("one", destination.kept())
            for _ in range(2):
                await source.abort("one")
                self.assertTrue(await source.verify("one"))

        @deferred
        async def test_never_sent(self) -> None:
            """A destination that is given up leaves nothing, and the source runs on."""
            source, destination = await self.hypervisor(), await self.other()
            await source.start(self.bench.guest("one"))
            guest = evolve(self.bench.guest("one"), shape=await source.shape("one"))
            await destination.expect(guest)
            for _ in range(2):
                await destination.abort("one")
            await source.abort("one")
            self.assertEqual((destination.kept(), destination.state("one")), (frozenset(), None))
            self.assertTrue(await source.verify("one"))

        @deferred
        async def test_nobody_there(self) -> None:
            """A guest that can't be sent runs on."""
            source = await self.hypervisor()
            await source.start(self.bench.guest("one"))
            await self.refused(source.migrate("one", "unix:/nowhere/at/all"))
            self.assertTrue(await source.verify("one"))

        @deferred
        async def test_left_found_again(self) -> None:
            """A source that is started anew knows that its guest has left."""
            source, _ = await self.under_way()
            await source.close()
            again = await self.hypervisor("one")
            self.assertEqual((again.state("one"), self.ended), (State.LEFT, []))
            self.assertNotIn("one", again.running())
            self.assertTrue((await again.migrate("one", "fake:one")).was_running)
            await again.settle("one")
            self.assertNotIn("one", again.kept())

    return HypervisorContract
