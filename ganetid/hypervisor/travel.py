"""
Guests that come here from other nodes, and those that leave: the steps of IHypervisor's journeys.
"""

from __future__ import annotations

from pathlib import Path

from attrs import evolve
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.hypervisor import migration, run_directory
from ganetid.hypervisor.command_line import whole
from ganetid.hypervisor.guest_run import GuestRun
from ganetid.hypervisor.interface import ProgressListener
from ganetid.hypervisor.journeys import Migrated, MigrationDoor, MigrationSettings
from ganetid.hypervisor.runs import Runs
from ganetid.hypervisor.values import Guest, State
from ganetid.opcodes.errors import HypervisorError


class Travel:
    """Of one node's guests."""

    _log = Logger()

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def expect(self, guest: Guest, door: MigrationDoor | None = None) -> str:
        """See IHypervisor."""
        guest, door = whole(guest), door or MigrationDoor()
        run, places = (
            await self._runs.launch(guest, is_incoming=True),
            self._runs.places(guest.name),
        )
        settings = MigrationSettings.from_hvparams(guest.hvparams)
        try:
            if door.tls is not None:
                await self._lend(door.tls, run)
            uri = await migration.listen(run, door, places, settings.capabilities)
            await self._runs.set_up(run, evolve(guest, start_memory_mib=None))
        except (HypervisorError, OSError) as error:
            await self._runs.clear(guest.name)
            raise HypervisorError(f"Instance {guest.name} can't come here: {error}") from error
        self._log.info("guest {name} is expected at {uri}", name=guest.name, uri=uri)
        return uri

    async def migrate(
        self,
        name: str,
        uri: str,
        settings: MigrationSettings | None = None,
        progress: ProgressListener | None = None,
    ) -> Migrated:
        """See IHypervisor."""
        run = self._runs.here(name, is_left_too=True)
        if settings is None:
            settings = MigrationSettings.from_hvparams((await self._runs.started(name)).hvparams)
        tls = None
        if settings.tls is not None:
            tls = self._runs.places(name).tls
            try:
                await self._lend(settings.tls, run)
            except OSError as error:
                raise HypervisorError(f"Instance {name} can't leave: {error}") from error
        moved = await migration.Departure(run, uri, settings, tls, progress).go()
        self._log.info(
            "guest {name} left: paused for {downtime} ms, on its way for {total} ms",
            name=name, downtime=moved.downtime_ms, total=moved.total_ms,
        )  # fmt: skip
        return moved

    async def settle(self, name: str, run: bool = True) -> None:
        """See IHypervisor."""
        found = self._runs.alive.get(name)
        if found is None:
            if name in self._runs.kept:
                raise HypervisorError(f"Instance {name} is not here any more")
            return
        if found.state is State.LEFT:
            await self._runs.clear(name)
            return
        if not found.is_destination:
            if await migration.is_on_its_way(found):
                raise HypervisorError(f"Instance {name} has not left")
            return
        await migration.has_arrived(found)
        if run:
            await found.ask("cont")
        found.is_destination = False
        await deferToThread(Path(self._runs.places(name).arriving).unlink, missing_ok=True)
        await found.refresh()

    async def abort(self, name: str) -> None:
        """See IHypervisor."""
        run = self._runs.alive.get(name)
        if run is None:
            return
        if run.is_destination:
            await self._runs.clear(name)
        else:
            await migration.call_off(run)

    async def _lend(self, credentials: str, run: GuestRun) -> None:
        """Put TLS credentials where the guest's user finds them.  Raises OSError."""
        target = self._runs.places(run.name).tls
        await deferToThread(run_directory.lend_credentials, credentials, target, run.process.pid)
