"""
Where devices are in a guest's machine: chosen by us, so that a disk or NIC keeps its place while
others come and go, and a guest's interfaces their names.

pc: all on one bus of 32 slots, which takes new devices as it is.
q35: the root bus takes none, so each disk and NIC has a port of its own, and some are spare.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ganetid.hypervisor.blocks import Properties

MAX_DISKS, MAX_NICS = 16, 8
Place = tuple[str, str]

_PC: Mapping[str, str] = {
    "vga": "02.0", "rng": "03.0", "balloon": "04.0", "channels": "05.0", "config": "06.0",
    "scsi": "07.0", "usb": "01.2",
}  # fmt: skip
_Q35: Mapping[str, str] = {
    "vga": "01.0", "rng": "02.0", "balloon": "03.0", "channels": "04.0", "config": "05.0",
    "scsi": "06.0", "usb": "07.0",
}  # fmt: skip
_PC_NICS, _PC_DISKS = 8, 16  # the first slot of each kind
_PORT_SLOTS = {"nic": (8,), "disk": (9, 10)}  # eight ports in each slot


@frozen
class Layout:
    """
    The buses of one machine.

    disk_ports, nic_ports: ports it has; none for pc.
    """

    is_q35: bool
    disk_ports: int = 0
    nic_ports: int = 0

    def fixed(self, device: str) -> Properties:
        """Where a device is that every guest may have: vga, rng, ..."""
        bus, table = ("pcie.0", _Q35) if self.is_q35 else ("pci.0", _PC)
        return {"bus": bus, "addr": table[device]}

    def of(self, kind: str, index: int) -> Place | None:
        """Bus and address for the disk or NIC of this index; None if there is no room."""
        if self.is_q35:
            ports = self.disk_ports if kind == "disk" else self.nic_ports
            return (f"{kind}-port{index}", "00.0") if index < ports else None
        if index >= (MAX_DISKS if kind == "disk" else MAX_NICS):
            return None
        first = _PC_DISKS if kind == "disk" else _PC_NICS
        return "pci.0", f"{first + index:02x}.0"

    def all_of(self, kind: str) -> list[Place]:
        """All places for disks, or for NICs."""
        indices = range(MAX_DISKS if kind == "disk" else MAX_NICS)
        return [place for index in indices if (place := self.of(kind, index)) is not None]

    def ports(self) -> list[Properties]:
        """The port devices themselves."""
        return [*_ports("nic", self.nic_ports), *_ports("disk", self.disk_ports)]


def layout(machine: str, disks: int, nics: int, hvparams: Mapping[str, Any]) -> Layout:
    """The layout for a machine type and so many disks and NICs, with spare ports for more."""
    if not is_q35(machine):
        return Layout(is_q35=False)
    spare = int(hvparams["kvm_pci_reservations"])
    disk_ports = min(MAX_DISKS, disks + (spare + 1) // 2)
    return Layout(True, disk_ports, min(MAX_NICS, nics + spare // 2))


def is_q35(machine: str) -> bool:
    """Whether a machine type is a q35 of some version."""
    return machine.startswith(("q35", "pc-q35"))


def placed(device: Properties, place: Place | None) -> Properties:
    """The device with its place; without one, QEMU chooses."""
    return device if place is None else {**device, "bus": place[0], "addr": place[1]}


def _ports(kind: str, count: int) -> list[Properties]:
    ports: list[Properties] = []
    for index in range(count):
        slot, function = _PORT_SLOTS[kind][index // 8], index % 8
        ports.append({
            "driver": "pcie-root-port",
            "id": f"{kind}-port{index}",
            "bus": "pcie.0",
            "addr": f"{slot:02x}.{function:x}",
            "chassis": slot * 8 + function,
            **({"multifunction": True} if function == 0 else {}),
        })  # fmt: skip
    return ports
