"""
What every hypervisor promises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zope.interface import Attribute, Interface

from ganetid.hypervisor.journeys import (
    Migrated,
    MigrationDoor,
    MigrationProgress,
    MigrationSettings,
)
from ganetid.hypervisor.values import (
    ELSEWHERE,
    Changed,
    ConsolePlace,
    DeviceDrive,
    Drive,
    DriveStatistics,
    Ended,
    FileDrive,
    Guest,
    NbdDrive,
    NbdHostDrive,
    NicDevice,
    NicStatistics,
    Shape,
    State,
    Statistics,
    TapNic,
    UserNic,
)

__all__ = [
    "ELSEWHERE",
    "ChangeListener",
    "Changed",
    "ConsolePlace",
    "DeviceDrive",
    "Drive",
    "DriveStatistics",
    "Ended",
    "FileDrive",
    "Guest",
    "IHypervisor",
    "Listener",
    "Migrated",
    "MigrationDoor",
    "MigrationProgress",
    "MigrationSettings",
    "NbdDrive",
    "NbdHostDrive",
    "NicDevice",
    "NicStatistics",
    "ProgressListener",
    "Shape",
    "State",
    "Statistics",
    "TapNic",
    "UserNic",
]

Listener = Callable[[Ended], None]
ChangeListener = Callable[[Changed], None]
ProgressListener = Callable[[MigrationProgress], None]


class IHypervisor(Interface):
    """
    Runs guests that outlive this process.

    All names are instance names.  Failures are HypervisorError; a guest that is off, and one
    that is on its way between two nodes, takes no orders but those that say so.

    How a guest moves, and who may run it at each instant.  A step is taken only after the one
    before it was answered; each side tells where it stands by `state`, also after a restart.

    1. destination `expect`: ARRIVING.  Source runs.
    2. source `migrate`: source runs (until its QEMU stops it), destination ARRIVING.
    3. `migrate` returned: source LEFT, destination ARRIVED (or, for an instant, ARRIVING).
       Nobody runs: the destination holds the guest until it is told to go on.
    4. destination `settle`: destination runs.  5. source `settle`: nothing is left of it there.

    Broken off in 1 or 2: `abort` on the destination, then on the source; the source runs on.
    In 3: either go on with 4, or `abort` the destination and, only after it has answered (or its
    node is dead for certain), the source.  In 4 without an answer: ask the destination for its
    state; if it runs, go on with 5, else `settle` it again.
    """

    name = Attribute("Ganeti's name of it: kvm, fake")

    async def recover(names: tuple[str, ...]) -> tuple[Ended, ...]:
        """
        Find guests again that a former life of this process started.

        names: instances that should be running.  Returns those of them that are not, and why.
        Guests of other names are found too; `running` tells them.  Call once, before all else.
        """

    async def start(guest: Guest) -> None:
        """
        Start the guest; when this returns it runs.

        Raises HypervisorError, and then nothing of it is left.  Also when it runs already.
        """

    async def stop(name: str, timeout_s: float) -> bool:
        """
        Ask the guest to power off; end it when it has not within `timeout_s` (0: at once).

        Returns whether it went by itself.  A guest that is off already did.
        """

    async def reset(name: str) -> None:
        """Reset as by the button.  Raises HypervisorError for a guest that is off."""

    async def reboot(name: str, timeout_s: float) -> bool:
        """
        Ask the guest to reboot itself; reset it when it has not within `timeout_s`.

        Returns whether it rebooted by itself.  Raises HypervisorError for a guest that is off.
        """

    async def pause(name: str) -> None:
        """Stop its processors; its memory and devices stay.  Idempotent."""

    async def resume(name: str) -> None:
        """Let it go on, also after an I/O error.  Idempotent."""

    async def interrupt(name: str) -> None:
        """Have it get an interrupt that can't be masked (NMI), after which many write a dump."""

    async def suspend(name: str, memory: Path) -> None:
        """
        Put the guest to sleep: its memory is in that file, and nothing of it is left here.

        Raises HypervisorError, and then it runs on.  After a crash: call it again.
        """

    async def wake(guest: Guest, memory: Path) -> None:
        """
        Let a guest that sleeps go on where it was; the file stays.

        guest: with the disks and NICs that it had.  Raises HypervisorError, and then nothing of it
        is left here.  One that is awake stays so.
        """

    def running() -> frozenset[str]:
        """
        Names of guests that have a process here, as far as is known at this moment.

        Paused ones too.  Not guests that are arriving here, or that have left.
        """

    def state(name: str) -> State | None:
        """What is known of the guest at this moment; None when it has no process here."""

    async def verify(name: str) -> bool:
        """The guest was just asked, and it runs."""

    async def clear(name: str) -> None:
        """End the guest if it runs, and remove what was kept of its run.  Idempotent."""

    def kept() -> frozenset[str]:
        """Names of guests of which anything is kept, running or not."""

    def console(name: str) -> ConsolePlace:
        """Where the guest's consoles are."""

    async def plug_drive(name: str, drive: Drive, index: int) -> None:
        """
        Give the running guest a disk; it needs a uuid.

        index: among its disks, which chooses the place in the machine if that is free.
        Raises HypervisorError, and then the guest has it not; also when it has it already.
        """

    async def unplug_drive(name: str, uuid: str, timeout_s: float = 30.0) -> None:
        """
        Take a disk from the running guest, once the guest has let go of it.

        Raises HypervisorError when it has not in time: it may still do so; ask again.
        A disk that it has not is taken already.
        """

    async def plug_nic(name: str, nic: NicDevice, index: int) -> None:
        """Give the running guest a NIC, as `plug_drive`."""

    async def unplug_nic(name: str, uuid: str, timeout_s: float = 30.0) -> None:
        """Take a NIC from the running guest, as `unplug_drive`; its tap stays."""

    async def devices(name: str) -> frozenset[str]:
        """uuids of disks and NICs that the guest has now, the first 18 characters of each."""

    async def resize_drive(name: str, uuid: str, size_bytes: int) -> None:
        """Tell the running guest its disk's new size; what is below has that size already."""

    async def set_memory(name: str, memory_mib: int) -> None:
        """
        Ask the guest to make do with so much memory, at most what it was started with.

        It obeys by and by, if it has a balloon driver; `statistics` tells.
        """

    async def statistics(name: str) -> Statistics:
        """What it uses."""

    async def agent(
        name: str, command: str, arguments: Mapping[str, Any] | None = None, timeout_s: float = 5.0
    ) -> Any:
        """
        The guest agent's answer to a command, such as guest-ping or guest-fsfreeze-freeze.

        Raises HypervisorError: the guest has no channel for an agent, none answers within the
        time, or it refuses.
        """

    async def shape(name: str) -> Shape:
        """The hardware of the guest, for the Guest that its destination expects."""

    async def expect(guest: Guest, door: MigrationDoor | None = None) -> str:
        """
        Make ready for a guest that is about to come; its `shape` is set.

        Returns the uri where the source is to send it.  Raises HypervisorError, and then nothing
        of it is left.
        """

    async def migrate(
        name: str,
        uri: str,
        settings: MigrationSettings | None = None,
        progress: ProgressListener | None = None,
    ) -> Migrated:
        """
        Send the guest away; when this returns it has left, and runs nowhere.

        Raises HypervisorError: it has not left, and runs on here.  `abort` makes it do so.
        """

    async def settle(name: str, run: bool = True) -> None:
        """
        Destination: let the guest that arrived go on (unless it was paused: `run`).
        Source: end what is left of the guest that has left.  Idempotent.

        For a destination, only after `migrate` has returned at the source.  Waits some seconds
        for the last of the guest.  Raises HypervisorError for a guest that has not all arrived,
        or not left.
        """

    async def abort(name: str) -> None:
        """
        Destination: end it, whatever arrived.  Source: break off, and let the guest go on.

        For a source whose guest has left, only when the destination is known to have ended.
        Idempotent.
        """

    def watch(listener: Listener, changes: ChangeListener | None = None) -> None:
        """
        Tell `listener` of every guest that ends without being asked to.

        changes: is told of every change of state that does not end it, asked for or not.
        """

    async def close() -> None:
        """Let go of all guests; they run on."""
