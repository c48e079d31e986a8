"""
Disks as QEMU takes them: the block node, and the device in front of it.

The same values go on the command line, in JSON, and to blockdev-add and device_add.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.kvm_parameters import is_url
from ganetid.hypervisor.device_ids import backend
from ganetid.hypervisor.values import DeviceDrive, Drive, FileDrive, NbdDrive, NbdHostDrive
from ganetid.opcodes.errors import HypervisorError

RECONNECT_S = 300
OPEN_TIMEOUT_S = 5
SERIAL_LENGTH = 20  # all that virtio has room for

Properties = dict[str, Any]


def block_node(device: str, drive: Drive, hvparams: Mapping[str, Any]) -> Properties:
    """The block node behind the device."""
    common: Properties = {
        "node-name": backend(device),
        "read-only": drive.read_only,
        "cache": {"direct": hvparams["disk_cache"] == "none", "no-flush": False},
    }
    if not drive.read_only:
        # A volume that forgets what its guest has trimmed costs nothing, so unlike Ganeti we
        # let it, unless it is on a file that was allocated on purpose.
        is_kept = hvparams["disk_discard"] == "ignore" and isinstance(drive, FileDrive)
        common["discard"] = "ignore" if is_kept else "unmap"
    match drive:
        case NbdDrive():
            return {**common, **_nbd({"type": "unix", "path": drive.socket}, drive.export)}
        case NbdHostDrive():
            server = {"type": "inet", "host": drive.host, "port": str(drive.port)}
            return {**common, **_nbd(server, drive.export)}
        case FileDrive():
            return {**common, "driver": "raw", "file": _file("file", drive.path, hvparams, common)}
        case DeviceDrive():
            below = _file("host_device", drive.path, hvparams, common)
            return {**common, "driver": "raw", "file": below}


def disk_device(device: str, drive: Drive, index: int, hvparams: Mapping[str, Any]) -> Properties:
    """The device, but for the place that virtio disks have on a bus."""
    properties: Properties = {"id": device, "drive": backend(device)}
    if drive.uuid is not None:
        properties["serial"] = drive.uuid[:SERIAL_LENGTH]
    if hvparams["disk_cache"] == "writethrough":
        properties["write-cache"] = "off"
    match hvparams["disk_type"]:
        case "paravirtual":
            return {"driver": "virtio-blk-pci", **properties}
        case "scsi" | "scsi-hd":
            return {
                "driver": "scsi-hd",
                "bus": "scsi0.0",
                "scsi-id": index,
                "device_id": device,
                **properties,
            }
        case "ide":
            return {"driver": "ide-hd", **properties}
        case other:
            raise HypervisorError(f"Disks here can't be of disk_type {other}")


def image_node(node: str, place: str) -> Properties:
    """The block node of a CD or floppy image: a file or a URL."""
    common = {"node-name": node, "read-only": True}
    if is_url(place):
        scheme = place.partition(":")[0]
        return {**common, "driver": "raw", "file": {"driver": scheme, "url": place}}
    return {**common, "driver": "raw", "file": {"driver": "file", "filename": place}}


def _nbd(server: Properties, export: str) -> Properties:
    return {
        "driver": "nbd",
        "server": server,
        "export": export,
        "reconnect-delay": RECONNECT_S,
        "open-timeout": OPEN_TIMEOUT_S,
    }


def _file(driver: str, path: str, hvparams: Mapping[str, Any], common: Properties) -> Properties:
    # The layer above has only its own cache mode: O_DIRECT is the file's.
    return {
        "driver": driver,
        "filename": path,
        "aio": hvparams["disk_aio"],
        "cache": common["cache"],
        **({"discard": common["discard"]} if "discard" in common else {}),
    }
