"""
What hypervisors take and tell: guests and their devices, states, statistics.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from attrs import field, frozen


@frozen
class NbdDrive:
    """
    A disk reached by NBD: the server's unix socket and the export's name.

    uuid: what it is plugged, unplugged and resized by; without one it can't be.
    """

    socket: str
    export: str
    read_only: bool = False
    uuid: str | None = None


@frozen
class NbdHostDrive:
    """A disk reached by NBD over TCP."""

    host: str
    port: int
    export: str
    read_only: bool = False
    uuid: str | None = None


@frozen
class FileDrive:
    """A disk in a raw file of this node, or one that several nodes share."""

    path: str
    read_only: bool = False
    uuid: str | None = None


@frozen
class DeviceDrive:
    """A disk on a block device of this node."""

    path: str
    read_only: bool = False
    uuid: str | None = None


Drive = NbdDrive | NbdHostDrive | FileDrive | DeviceDrive


@frozen
class TapNic:
    """
    A NIC on a tap that exists already.

    mtu: what the guest is told.  queues: more than one only if the tap was made for them.
    vhost: whether the kernel carries its packets; only where the guest's user may have it so.
    """

    mac: str
    tap: str
    mtu: int = 1500
    uuid: str | None = None
    queues: int = 1
    vhost: bool = False


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
    uuid: str | None = None


NicDevice = TapNic | UserNic


@frozen
class Shape:
    """
    The virtual hardware of a running guest, so that a destination can build the same.

    machine: with its version.  hvparams, memory_mib, vcpus: as it was started.
    places: bus and address of each disk and NIC, by the device's id.
    disk_ports, nic_ports: how many ports there are, for machines that have ports (q35).
    """

    machine: str
    memory_mib: int
    vcpus: int
    hvparams: dict[str, Any] = field(factory=dict)
    places: dict[str, tuple[str, str]] = field(factory=dict)
    disk_ports: int = 0
    nic_ports: int = 0


@frozen
class Guest:
    """
    A guest to be started.

    memory_mib: its RAM in MiB, at most.  start_memory_mib: what it is given at first (all).
    config_drive: path of an ISO that it sees as a read-only disk.
    hvparams: Ganeti's; those absent have their defaults.
    namespace: the network namespace that it runs in.
    vnc_port: TCP port of its VNC or SPICE server, if hvparams want an address for it.
    shape: of the guest that is to arrive here.
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
    start_memory_mib: int | None = None
    vnc_port: int | None = None
    shape: Shape | None = None


@frozen
class Ended:
    """
    A guest's run is over though nobody asked us to end it.

    by_guest: it powered itself off; otherwise it died.
    """

    name: str
    by_guest: bool
    reason: str


class State(StrEnum):
    """
    What a guest's process says of the guest.

    CRASHED: the machine stopped on an internal error, or the guest's kernel panicked for good.
    IO_ERROR: it stopped because a disk failed; `resume` tries again.
    ARRIVING: a destination that has not got all of the guest.  ARRIVED: it has, and holds it
    stopped.  LEFT: a source whose guest went to its destination whole.
    """

    RUNNING = "running"
    PAUSED = "paused"
    CRASHED = "crashed"
    IO_ERROR = "io-error"
    ARRIVING = "arriving"
    ARRIVED = "arrived"
    LEFT = "left"


ELSEWHERE = frozenset({State.ARRIVING, State.ARRIVED, State.LEFT})


@frozen
class Changed:
    """
    A guest's state changed, within the last second.

    what: a State's value, or "reset", or "balloon".  detail: QEMU's own word for it, such as
    internal-error; for a balloon, the guest's memory in MiB.
    """

    name: str
    what: str
    detail: str = ""


@frozen
class ConsolePlace:
    """
    Where a guest's consoles are reached: unix sockets, None where it has none.

    vnc_host, vnc_port: instead of `vnc`, for a guest whose hvparams want TCP.
    spice, spice_host, spice_port: the same of a screen by SPICE, which is instead of VNC.
    tokens: for the console proxy on the guest's node, by kind of console.
    """

    vnc: str | None
    serial: str | None
    vnc_host: str | None = None
    vnc_port: int | None = None
    tokens: dict[str, str] = field(factory=dict, repr=False)
    spice: str | None = None
    spice_host: str | None = None
    spice_port: int | None = None


@frozen
class DriveStatistics:
    """What a disk did since the guest's start.  id: the device's."""

    id: str
    read_bytes: int
    written_bytes: int
    reads: int
    writes: int
    flushes: int


@frozen
class NicStatistics:
    """What a tap did since it was made, as the guest sees it: received is what came in to it."""

    tap: str
    received_bytes: int
    sent_bytes: int
    received_packets: int
    sent_packets: int


@frozen
class Statistics:
    """
    memory_mib: what the balloon leaves the guest.  resident_bytes: memory its process uses.
    cpu_s: processor time, in seconds, of its process since the start.
    """

    memory_mib: int
    resident_bytes: int
    cpu_s: float
    drives: tuple[DriveStatistics, ...] = ()
    nics: tuple[NicStatistics, ...] = ()
