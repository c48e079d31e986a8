"""
What every hypervisor promises, and the values it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen
from zope.interface import Attribute, Interface


@frozen
class NbdDrive:
    """A disk reached by NBD: the server's unix socket and the export's name."""

    socket: str
    export: str
    read_only: bool = False


@frozen
class FileDrive:
    """A disk in a raw file of this node."""

    path: str
    read_only: bool = False


@frozen
class NbdHostDrive:
    """A disk reached by NBD over TCP."""

    host: str
    port: int
    export: str
    read_only: bool = False


@frozen
class DeviceDrive:
    """A disk on a block device of this node."""

    path: str
    read_only: bool = False


Drive = NbdDrive | NbdHostDrive | FileDrive | DeviceDrive


@frozen
class TapNic:
    """A NIC on a tap that exists already."""

    mac: str
    tap: str
    mtu: int = 1500


@frozen
class UserNic:
    """
    A NIC on QEMU's own user-mode network, which needs no privileges.

    address, gateway: what the guest gets by DHCP, when the NIC has an address.
    """

    mac: str
    subnet: str | None = None
    address: str | None = None
    gateway: str | None = None


NicDevice = TapNic | UserNic


@frozen
class Guest:
    """
    A guest to be started.

    memory_mib: its RAM in MiB.  config_drive: path of an ISO that it sees as a read-only disk.
    hvparams: Ganeti's, all of them.  namespace: the network namespace that it runs in.
    """

    name: str
    uuid: str
    memory_mib: int
    vcpus: int
    drives: tuple[Drive, ...] = ()
    nics: tuple[NicDevice, ...] = ()
    config_drive: str | None = None
    hvparams: dict[str, Any] = field(factory=dict)
    namespace: str | None = None


@frozen
class Ended:
    """
    A guest's run is over though nobody asked us to end it.

    by_guest: it powered itself off; otherwise it died.
    """

    name: str
    by_guest: bool
    reason: str


@frozen
class ConsolePlace:
    """Where a guest's consoles are reached: unix sockets, None where it has none."""

    vnc: str | None
    serial: str | None


Listener = Callable[[Ended], None]


class IHypervisor(Interface):
    """
    Runs guests that outlive this process.

    All names are instance names.  Failures are HypervisorError.
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

    def running() -> frozenset[str]:
        """Names of guests that have a running process, as far as is known at this moment."""

    async def verify(name: str) -> bool:
        """The guest was just asked, and it runs."""

    async def clear(name: str) -> None:
        """End the guest if it runs, and remove what was kept of its run.  Idempotent."""

    def kept() -> frozenset[str]:
        """Names of guests of which anything is kept, running or not."""

    def console(name: str) -> ConsolePlace:
        """Where the guest's consoles are."""

    def watch(listener: Listener) -> None:
        """Tell `listener` of every guest that ends without being asked to."""

    async def close() -> None:
        """Let go of all guests; they run on."""
