"""
Guests that are put to sleep, their memory in a file, and waked: a journey by way of that file.
"""

from __future__ import annotations

import socket
from pathlib import Path

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.hypervisor import kept_memory, migration
from ganetid.hypervisor.command_line import whole
from ganetid.hypervisor.guest_run import GuestRun
from ganetid.hypervisor.journeys import MigrationDoor, MigrationSettings
from ganetid.hypervisor.launch import last_words
from ganetid.hypervisor.runs import Runs
from ganetid.hypervisor.shaping import shape_of
from ganetid.hypervisor.travel import Travel
from ganetid.hypervisor.values import Guest, State
from ganetid.opcodes.errors import HypervisorError

SETTINGS = MigrationSettings(is_live=False)


class Sleep:
    """Of one node's guests."""

    _log = Logger()

    def __init__(self, runs: Runs, travel: Travel) -> None:
        self._runs = runs
        self._travel = travel

    async def suspend(self, name: str, memory: Path) -> None:
        """See IHypervisor."""
        run = self._runs.here(name, is_left_too=True)
        is_saved = run.state is State.LEFT and await deferToThread(memory.exists)
        if not is_saved:
            if run.state is State.LEFT:  # a former life of ours did not see it through
                await migration.call_off(run)
            await self._save(run, memory)
        await self._runs.clear(name)
        self._log.info("guest {name} sleeps", name=name)

    async def _save(self, run: GuestRun, memory: Path) -> None:
        shape = await shape_of(run, await self._runs.started(run.name))
        place = self._runs.places(run.name).asleep
        try:
            listener = await deferToThread(kept_memory.listen, place, run.process.pid)
            receiving = deferToThread(kept_memory.receive, listener, memory, shape)
            try:
                await migration.Departure(run, f"unix:{place}", SETTINGS).go()
            except BaseException:
                if receiving.called:
                    await receiving  # which may be the reason
                else:
                    listener.shutdown(socket.SHUT_RDWR)
                    await _ended(receiving)
                raise
            await receiving
            await deferToThread(kept_memory.keep, memory)
        except OSError as error:
            await migration.call_off(run)
            await deferToThread(kept_memory.partial(memory).unlink, missing_ok=True)
            raise HypervisorError(f"Instance {run.name} can't be saved: {error}") from error

    async def wake(self, guest: Guest, memory: Path) -> None:
        """See IHypervisor."""
        name = guest.name
        former = self._runs.alive.get(name)
        if former is not None:
            if not former.is_elsewhere:
                return
            await self._runs.clear(name)  # its memory never came whole
        try:
            shape = await deferToThread(kept_memory.shape_in, memory)
        except (OSError, ValueError) as error:
            raise HypervisorError(f"Instance {name} has no memory kept: {error}") from error
        guest = whole(evolve(guest, shape=shape))
        run, places = await self._runs.launch(guest, is_incoming=True), self._runs.places(name)
        try:
            await migration.listen(run, MigrationDoor(), places, ())
            await self._runs.set_up(run, evolve(guest, start_memory_mib=None))
            await deferToThread(kept_memory.send, memory, places.migration)
            await self._travel.settle(name)
        except (HypervisorError, OSError) as error:
            reason = await deferToThread(last_words, places) or error
            await self._runs.clear(name)
            raise HypervisorError(f"Instance {name} can't be waked: {reason}") from error
        self._log.info("guest {name} is awake", name=name)


async def _ended(work: Deferred[None]) -> None:
    """Wait for the thread; why it gave up is known already."""
    await work.addErrback(lambda _: None)
