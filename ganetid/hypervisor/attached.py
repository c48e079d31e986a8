"""
A guest's disks, images and NICs on QEMU's command line.
"""

from __future__ import annotations

import json

from attrs import frozen

from ganetid.cluster.kvm_parameters import KVM_DEFAULTS
from ganetid.hypervisor import device_ids
from ganetid.hypervisor.blocks import Properties, block_node, disk_device, image_node
from ganetid.hypervisor.nics import net_backend, nic_device
from ganetid.hypervisor.places import Layout, placed
from ganetid.hypervisor.values import FileDrive, Guest


@frozen
class Attached:
    """What is attached to one guest, which has all its parameters."""

    guest: Guest
    layout: Layout

    def arguments(self) -> list[str]:
        """The options, in the order in which devices without a place take theirs."""
        return [*self._drives(), *self._images(), *self._nics()]

    def _drives(self) -> list[str]:
        arguments: list[str] = []
        boots = self.guest.hvparams["boot_order"] in {"disk", "cdrom", "floppy"}
        for index, drive in enumerate(self.guest.drives):
            device = device_ids.of_drive(drive, index)
            arguments += in_json("-blockdev", block_node(device, drive, self.guest.hvparams))
            properties = disk_device(device, drive, index, self.guest.hvparams)
            if boots:
                properties["bootindex"] = index + 1
            arguments += in_json("-device", self._disk_placed(properties, index))
        if self.guest.config_drive is not None:
            drive = FileDrive(self.guest.config_drive, read_only=True)
            arguments += in_json("-blockdev", block_node("config", drive, KVM_DEFAULTS))
            properties = {
                **disk_device("config", drive, 0, KVM_DEFAULTS),
                **self.layout.fixed("config"),
            }
            arguments += in_json("-device", properties)
        return arguments

    def _disk_placed(self, device: Properties, index: int) -> Properties:
        if device["driver"] == "ide-hd":
            # pc: two buses of two; q35: six of one.  The last two are for CDs.
            bus, unit = (index, 0) if self.layout.is_q35 else divmod(index, 2)
            return {**device, "bus": f"ide.{bus}", "unit": unit}
        if device["driver"] != "virtio-blk-pci":
            return device
        return self._placed("disk", device, index)

    def _placed(self, kind: str, device: Properties, index: int) -> Properties:
        places = {} if self.guest.shape is None else self.guest.shape.places
        return placed(device, places.get(device["id"]) or self.layout.of(kind, index))

    def _images(self) -> list[str]:
        arguments: list[str] = []
        hvparams = self.guest.hvparams
        for number, name in enumerate(("cdrom_image_path", "cdrom2_image_path")):
            if hvparams[name]:
                node = f"cd{number}"
                bus, unit = (4 + number, 0) if self.layout.is_q35 else (1, number)
                boots = number == 0 and hvparams["boot_order"] == "cdrom"
                device = {"driver": "ide-cd", "id": f"{node}-drive", "drive": node,
                          "bus": f"ide.{bus}", "unit": unit,
                          **({"bootindex": 0} if boots else {})}  # fmt: skip
                arguments += in_json("-blockdev", image_node(node, hvparams[name]))
                arguments += in_json("-device", device)
        if hvparams["floppy_image_path"]:
            device = {"driver": "floppy", "id": "floppy", "drive": "fd"}
            if hvparams["boot_order"] == "floppy":
                device["bootindex"] = 0
            arguments += in_json("-blockdev", image_node("fd", hvparams["floppy_image_path"]))
            arguments += devices([{"driver": "isa-fdc", "id": "fdc"}, device])
        return arguments

    def _nics(self) -> list[str]:
        arguments: list[str] = []
        for index, nic in enumerate(self.guest.nics):
            device = device_ids.of_nic(nic, index)
            properties = nic_device(device, nic, self.guest.hvparams)
            if self.guest.hvparams["boot_order"] == "network":
                properties["bootindex"] = index
            if properties["driver"] != "ne2k_isa":
                properties = self._placed("nic", properties, index)
            arguments += in_json("-netdev", net_backend(device, nic, self.guest.hvparams))
            arguments += in_json("-device", properties)
        return arguments


def devices(wanted: list[Properties]) -> list[str]:
    """An option for each."""
    return [word for device in wanted for word in in_json("-device", device)]


def in_json(option: str, properties: Properties) -> list[str]:
    """An option whose values can't become other options."""
    return [option, json.dumps(properties, separators=(",", ":"))]
