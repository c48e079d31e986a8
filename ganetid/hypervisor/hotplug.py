"""
Disks and NICs that come and go while the guest runs.

What a guest has is asked of QEMU each time, so nothing is forgotten by a restart of this process,
and what a plug or an unplug that was broken off left behind is swept up by the next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from ganetid.hypervisor import device_ids
from ganetid.hypervisor.blocks import Properties, block_node, disk_device
from ganetid.hypervisor.guest_run import GuestRun
from ganetid.hypervisor.nics import net_backend, nic_device
from ganetid.hypervisor.places import Layout, Place, is_q35, placed
from ganetid.hypervisor.values import Drive, NicDevice
from ganetid.opcodes.errors import HypervisorError

PERIPHERALS = "/machine/peripheral"


async def plug_drive(run: GuestRun, drive: Drive, index: int, hvparams: Mapping[str, Any]) -> None:
    """See IHypervisor."""
    device = await _new_id(run, "disk", drive.uuid)
    properties = disk_device(device, drive, index, hvparams)
    if properties["driver"] == "ide-hd":
        raise HypervisorError(f"Instance {run.name} has IDE disks, which can't be plugged")
    if properties["driver"] == "virtio-blk-pci":
        properties = placed(properties, await _free_place(run, "disk", index))
    await remove_nodes(run, device)
    await run.ask_with("blockdev-add", block_node(device, drive, hvparams))
    try:
        await run.ask_with("device_add", properties)
    except HypervisorError:
        await remove_nodes(run, device)
        raise


async def unplug_drive(run: GuestRun, uuid: str, timeout_s: float) -> None:
    """See IHypervisor."""
    device = device_ids.of_uuid("disk", uuid)
    await _unplug(run, device, timeout_s)
    await remove_nodes(run, device)


async def plug_nic(run: GuestRun, nic: NicDevice, index: int, hvparams: Mapping[str, Any]) -> None:
    """See IHypervisor."""
    device = await _new_id(run, "nic", nic.uuid)
    properties = nic_device(device, nic, hvparams)
    if properties["driver"] == "ne2k_isa":
        raise HypervisorError(f"Instance {run.name} has ISA NICs, which can't be plugged")
    properties = placed(properties, await _free_place(run, "nic", index))
    await run.ask_quietly("netdev_del", id=device_ids.backend(device))
    await run.ask_with("netdev_add", net_backend(device, nic, hvparams))
    try:
        await run.ask_with("device_add", properties)
    except HypervisorError:
        await run.ask_quietly("netdev_del", id=device_ids.backend(device))
        raise


async def unplug_nic(run: GuestRun, uuid: str, timeout_s: float) -> None:
    """See IHypervisor."""
    device = device_ids.of_uuid("nic", uuid)
    await _unplug(run, device, timeout_s)
    await run.ask_quietly("netdev_del", id=device_ids.backend(device))


async def names(run: GuestRun) -> frozenset[str]:
    """Ids of all devices that were given one.  Raises HypervisorError."""
    listed = await run.ask("qom-list", path=PERIPHERALS)
    return frozenset(each["name"] for each in listed if each["type"].startswith("child<"))


async def uuids(run: GuestRun) -> frozenset[str]:
    """What is kept of the uuids of the guest's disks and NICs."""
    found = (name.partition("-") for name in await names(run))
    return frozenset(
        uuid for kind, _, uuid in found if kind in {"disk", "nic"} and not uuid.startswith("port")
    )


async def machine_type(run: GuestRun) -> str:
    """The machine's type with its version, such as pc-q35-7.2."""
    kind: str = await run.ask("qom-get", path="/machine", property="type")
    return kind.removesuffix("-machine")


async def layout_of(run: GuestRun) -> Layout:
    """The machine's buses."""
    is_with_ports = is_q35(await machine_type(run))
    known = await names(run)
    disks = sum(name.startswith("disk-port") for name in known)
    nics = sum(name.startswith("nic-port") for name in known)
    return Layout(is_with_ports, disks, nics)


async def places_of(run: GuestRun, layout: Layout) -> dict[str, Place]:
    """
    Where each PCI device is, by its id; devices without one have names of their own.

    Of query-pci the root bus alone: before the guest's firmware has numbered the others, they look
    empty there.
    """
    root = "pcie.0" if layout.is_q35 else "pci.0"
    buses = await run.ask("query-pci")
    places = {
        device["qdev_id"] or f"{root}@{_address(device)}": (root, _address(device))
        for bus in buses
        if bus["bus"] == 0
        for device in bus["devices"]
    }
    for name in sorted(await names(run) - set(places)):
        with contextlib.suppress(HypervisorError):  # a device of another kind of bus
            places[name] = await _place_of(run, name)
    return places


async def _place_of(run: GuestRun, name: str) -> Place:
    """Where a PCI device with an id is.  Raises HypervisorError for others."""
    path = f"{PERIPHERALS}/{name}"
    address: str = await run.ask("qom-get", path=path, property="legacy-addr")
    bus: str = await run.ask("qom-get", path=path, property="parent_bus")
    return bus.rpartition("/")[2], address


async def remove_nodes(run: GuestRun, device: str) -> None:
    """Remove the block nodes of a disk that has no device."""
    for node in device_ids.backends(device):
        await run.ask_quietly("blockdev-del", node_name=node)


async def _new_id(run: GuestRun, kind: str, uuid: str | None) -> str:
    if uuid is None:
        raise HypervisorError("A device without a uuid can't be plugged")
    device = device_ids.of_uuid(kind, uuid)
    if device in await names(run):
        raise HypervisorError(f"Instance {run.name} has the device {uuid} already")
    return device


async def _free_place(run: GuestRun, kind: str, index: int) -> Place:
    layout = await layout_of(run)
    taken = set((await places_of(run, layout)).values())
    wanted = layout.of(kind, index)
    for place in [*([wanted] if wanted else []), *layout.all_of(kind)]:
        if place not in taken:
            return place
    raise HypervisorError(f"Instance {run.name} has no place for one more {kind}")


async def _unplug(run: GuestRun, device: str, timeout_s: float) -> None:
    if device not in await names(run):
        return
    deleted = run.expect("DEVICE_DELETED", device=device)
    try:
        asked = await run.ask_quietly("device_del", id=device)
        if await deleted.within(timeout_s) is not None:
            return
    finally:
        deleted.let_go()
    if device not in await names(run):
        return
    why = "did not let go of it in time" if asked else "is not ready for that"
    raise HypervisorError(f"Instance {run.name} keeps the device {device}: the guest {why}")


def _address(device: Properties) -> str:
    return f"{device['slot']:02x}.{device['function']:x}"
