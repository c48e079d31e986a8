"""
What every hypervisor must do: one suite, run on each implementation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from ganetid.hypervisor.interface import Ended, Guest, IHypervisor
from ganetid.opcodes.errors import HypervisorError


@frozen
class Bench:
    """
    What the suite needs of an implementation.

    make: a hypervisor; the next one made is the same machine after a restart of the process.
    guest: a guest that starts, by name.  broken: one that doesn't.
    let_die: end a guest behind the hypervisor's back.
    """

    make: Callable[[], IHypervisor]
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
            self.addCleanup(self.clear)

        def clear(self) -> Deferred[None]:
            async def clear() -> None:
                last = self.made[-1]
                for name in last.kept():
                    await last.clear(name)
                for each in self.made:
                    await each.close()

            return Deferred.fromCoroutine(clear())

        async def hypervisor(self, *names: str) -> Any:
            made = self.bench.make()
            self.made.append(made)
            self.ended = list(await made.recover(names))
            return made

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

    return HypervisorContract
