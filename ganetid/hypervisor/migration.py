"""
A guest's way from one QEMU to another, as each of the two sees it.

Checked against QEMU 7.2.22.  The destination is started stopped and opens its disks for writing
only when it is let go on (late-block-activate), so on storage with locks a second run of the same
guest fails even if somebody takes the steps in a wrong order.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

from attrs import frozen

from ganetid.hypervisor.guest_run import GuestRun
from ganetid.hypervisor.interface import ProgressListener
from ganetid.hypervisor.journeys import (
    Migrated,
    MigrationDoor,
    MigrationProgress,
    MigrationSettings,
)
from ganetid.hypervisor.paths import Places
from ganetid.hypervisor.values import State
from ganetid.opcodes.errors import HypervisorError

LOOK_EVERY_S = 0.25
GONE_EVERY_S = 0.05
ARRIVAL_PATIENCE_S = 10.0
UNLIMITED = 1 << 40  # bytes/s
CREDENTIALS = "migration-tls"
POSTCOPY = "postcopy-ram"
ON_THE_WAY = frozenset({
    "setup", "active", "device", "pre-switchover", "wait-unplug", "postcopy-active", "cancelling",
})  # fmt: skip

# A guest that writes faster than the network carries would never leave with the pause that is
# aimed at.  After so many rounds a longer one is allowed, step by step, up to this one.
PATIENT_ROUNDS = 6
LONGEST_PAUSE_MS = 300


async def listen(
    run: GuestRun, door: MigrationDoor, places: Places, capabilities: tuple[str, ...]
) -> str:
    """Let a destination listen; the uri.  Its credentials are in `places.tls` if the door wants
    any.  Raises HypervisorError."""
    await _set_capabilities(run, ("late-block-activate", *capabilities))
    if door.tls is not None:
        await _add_credentials(run, places.tls, "server")
        await run.ask("migrate-set-parameters", tls_creds=CREDENTIALS)
    if door.address is None:
        await run.ask("migrate-incoming", uri=f"unix:{places.migration}")
        return f"unix:{places.migration}"
    host = f"[{door.address}]" if ":" in door.address else door.address
    await run.ask("migrate-incoming", uri=f"tcp:{host}:{door.port}")
    known = await run.ask("query-migrate")
    for each in known.get("socket-address", ()):
        if each["type"] == "inet":
            return f"tcp:{host}:{each['port']}"
    raise HypervisorError(f"The QEMU of {run.name} does not tell where it listens")


async def has_arrived(run: GuestRun) -> None:
    """Return once the destination has all of the guest.  Raises HypervisorError if not soon."""
    left_s = ARRIVAL_PATIENCE_S
    while run.state is State.ARRIVING:
        changed = run.expect("MIGRATION")
        try:
            if await run.refresh() != "inmigrate":
                break
            if left_s <= 0:
                raise HypervisorError(f"Instance {run.name} has not arrived")
            await changed.within(LOOK_EVERY_S)
        finally:
            changed.let_go()
        left_s -= LOOK_EVERY_S
    if run.state not in {State.ARRIVED, State.RUNNING, State.PAUSED}:
        raise HypervisorError(f"Instance {run.name} arrived broken: it is {run.state.value}")


async def is_on_its_way(run: GuestRun) -> bool:
    """Whether the source is sending it now."""
    known = await run.ask("query-migrate")
    return known.get("status") in ON_THE_WAY


async def call_off(run: GuestRun) -> None:
    """Source: send no more; the guest goes on.  Raises HypervisorError."""
    if await is_on_its_way(run):
        await run.ask("migrate_cancel")
        for _ in range(40):
            if not await is_on_its_way(run):
                break
            await run.migration_event_within(LOOK_EVERY_S)
    await run.refresh()
    if run.state is State.LEFT:
        await run.ask("cont")
        await run.refresh()


@frozen
class Departure:
    """
    One guest's leaving.

    tls: where the source's credentials are, if it has any.
    """

    run: GuestRun
    uri: str
    settings: MigrationSettings
    tls: str | None = None
    progress: ProgressListener | None = None

    async def go(self) -> Migrated:
        """
        Send the guest.  Raises HypervisorError, and then it runs on as before.

        One that is on its way already, by a former life of this process, is waited for.
        """
        run, was_running = self.run, self.run.state is State.RUNNING
        if self._has_left():
            return _result(await run.ask("query-migrate"), was_running=True)
        try:
            if not await is_on_its_way(run):
                await self._begin()
            held_ms = await self._end()
        except BaseException:
            await self._undo(was_running)
            raise
        await self._see_it_gone()
        return _result(await run.ask("query-migrate"), was_running, held_ms)

    async def _see_it_gone(self) -> None:
        """
        QEMU calls the journey completed an instant before it has reckoned how long it took, and
        calls the guest gone.
        """
        for _ in range(100):
            await self.run.refresh()
            if self._has_left():
                return
            await self.run.migration_event_within(GONE_EVERY_S)
        raise HypervisorError(
            f"Instance {self.run.name} was sent, but is still {self.run.state.value}"
        )

    def _has_left(self) -> bool:
        return self.run.state is State.LEFT

    async def _begin(self) -> None:
        settings, run = self.settings, self.run
        always = ("auto-converge",) if settings.is_live else ()
        await _set_capabilities(run, (*always, *settings.capabilities))
        bandwidth = settings.bandwidth_mib_s * 1024 * 1024 or UNLIMITED
        parameters: dict[str, Any] = {
            "max-bandwidth": bandwidth,
            "downtime-limit": settings.downtime_ms,
            "tls-creds": "",
            "tls-hostname": settings.tls_host or "",
        }
        if self.tls is not None:
            await _add_credentials(run, self.tls, "client")
            parameters["tls-creds"] = CREDENTIALS
        await run.ask_with("migrate-set-parameters", parameters)
        if not settings.is_live:
            await run.ask("stop")
        await run.ask("migrate", uri=self.uri)

    async def _end(self) -> int:
        """
        Return once QEMU has completed it; how long the guest was held for the last of its memory to
        be copied, ms.  Raises HypervisorError.
        """
        waited_s, held_since_s = 0.0, None
        pause_ms = self.settings.downtime_ms
        while True:
            changed = self.run.expect("MIGRATION")
            try:
                known: Mapping[str, Any] = await self.run.ask("query-migrate")
                if known["status"] == "completed":
                    return 0 if held_since_s is None else int((monotonic() - held_since_s) * 1000)
                if known["status"] not in ON_THE_WAY:
                    reason = known.get("error-desc") or f"it was {known['status']}"
                    raise HypervisorError(f"Instance {self.run.name} did not leave: {reason}")
                if waited_s > self.settings.patience_s:
                    raise HypervisorError(
                        f"Instance {self.run.name} did not leave within"
                        f" {self.settings.patience_s:.0f} s"
                    )
                rounds = self._tell(known)
                if held_since_s is None and self._is_time_for_the_rest(rounds):
                    held_since_s = monotonic()
                    await self.run.ask("migrate-start-postcopy")
                pause_ms = await self._be_less_strict(rounds, pause_ms)
                await changed.within(LOOK_EVERY_S)
            finally:
                changed.let_go()
            waited_s += LOOK_EVERY_S

    def _tell(self, known: Mapping[str, Any]) -> int:
        """Tell how far it is; the rounds."""
        ram = known.get("ram", {})
        rounds = int(ram.get("dirty-sync-count", 0))
        if self.progress is not None and ram:
            self.progress(
                MigrationProgress(ram["transferred"], ram["remaining"], ram["total"], rounds)
            )
        return rounds

    def _is_time_for_the_rest(self, rounds: int) -> bool:
        """
        Whether to stop the guest, though it goes on writing: all was sent once.

        The destination holds the guest until all is there, as always: other than QEMU alone would
        we do not risk the guest, whose journey ends in bounded time for a longer pause.
        """
        return POSTCOPY in self.settings.capabilities and rounds > 1

    async def _be_less_strict(self, rounds: int, pause_ms: int) -> int:
        steps = rounds - PATIENT_ROUNDS
        longest = max(self.settings.downtime_ms, LONGEST_PAUSE_MS)
        wanted = min(longest, self.settings.downtime_ms << max(0, min(steps, 8)))
        if wanted > pause_ms:
            await self.run.ask("migrate-set-parameters", downtime_limit=wanted)
        return max(wanted, pause_ms)

    async def _undo(self, was_running: bool) -> None:
        """The guest goes on here, also if it was stopped for the journey."""
        run = self.run
        await run.ask_quietly("migrate_cancel")
        for _ in range(40):
            if run.is_gone or not await _still_on_its_way(run):
                break
            await run.migration_event_within(LOOK_EVERY_S)
        if was_running and not run.is_gone and run.state is not State.LEFT:
            await run.ask_quietly("cont")


async def _still_on_its_way(run: GuestRun) -> bool:
    try:
        return await is_on_its_way(run)
    except HypervisorError:
        return False


async def _set_capabilities(run: GuestRun, wanted: tuple[str, ...]) -> None:
    states = [{"capability": name, "state": True} for name in dict.fromkeys(("events", *wanted))]
    await run.ask("migrate-set-capabilities", capabilities=states)


async def _add_credentials(run: GuestRun, directory: str, endpoint: str) -> None:
    await run.ask_quietly("object-del", id=CREDENTIALS)
    await run.ask_with("object-add", {
        "qom-type": "tls-creds-x509", "id": CREDENTIALS, "dir": directory, "endpoint": endpoint,
        "verify-peer": True,
    })  # fmt: skip


def _result(known: Mapping[str, Any], was_running: bool, held_ms: int = 0) -> Migrated:
    return Migrated(
        downtime_ms=max(int(known.get("downtime", 0)), held_ms),
        total_ms=int(known.get("total-time", 0)),
        setup_ms=int(known.get("setup-time", 0)),
        sent_bytes=int(known.get("ram", {}).get("transferred", 0)),
        was_running=was_running,
    )
