"""
What scripts of an operating system are told: pure functions.

Source: Ganeti 3.0 ganeti-os-interface(7), and the environment that its scripts were seen to get.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ganetid.cluster.model import Disk, Network, Nic
from ganetid.disks.uris import address_of
from ganetid.hooks.environment import network_part, vlan_of
from ganetid.hypervisor.interface import NbdDrive, NbdHostDrive
from ganetid.os.definition import API_VERSION, OsDefinition, variant_of
from ganetid.os.task import OsTask, ReachedDisk
from ganetid.scripts.running import PATH

Environment = dict[str, str]

FILES = frozenset({"file", "sharedfile"})
PARAVIRTUAL = "paravirtual"


def core_environment(
    definition: OsDefinition, os_type: str, parameters: Mapping[str, str], debug_level: int = 0
) -> Environment:
    """What ``verify`` is told, and every other script besides."""
    first = definition.variants[0] if definition.variants else ""
    environment = {
        "PATH": PATH,
        "OS_API_VERSION": str(API_VERSION),
        "OS_NAME": definition.name,
        "OS_VARIANT": variant_of(os_type) or first,
        "DEBUG_LEVEL": str(debug_level),
    }
    for name, value in parameters.items():
        environment["OSP_" + re.sub(r"[^A-Z0-9_]", "_", name.upper())] = str(value)
    return environment


def instance_environment(definition: OsDefinition, task: OsTask) -> Environment:
    """What ``create`` is told; the other scripts are told something besides."""
    instance = task.instance
    environment = core_environment(definition, instance.os_type, task.parameters, task.debug_level)
    environment |= {
        "INSTANCE_NAME": instance.name,
        "INSTANCE_OS": instance.os_type,
        "INSTANCE_UUID": instance.uuid,
        "INSTANCE_CTIME": str(instance.ctime),
        "INSTANCE_MTIME": str(instance.mtime),
        "INSTANCE_PRIMARY_NODE": task.node_uuid,
        "INSTANCE_SECONDARY_NODES": "",
        "HYPERVISOR": instance.hypervisor,
        "DISK_COUNT": str(len(instance.disks)),
        "NIC_COUNT": str(len(instance.nics)),
    }
    beparams, hvparams = instance.beparams, instance.hvparams
    template, disk_type = instance.disk_template, str(hvparams.get("disk_type", PARAVIRTUAL))
    for index, (disk, reached) in enumerate(zip(instance.disks, task.disks, strict=True)):
        facts = _disk_part(disk, reached, template)
        facts["FRONTEND_TYPE"] = disk_type
        environment |= {f"DISK_{index}_{name}": value for name, value in facts.items()}
    nic_type = str(hvparams.get("nic_type", PARAVIRTUAL))
    for index, nic in enumerate(instance.nics):
        facts = _nic_part(nic, task.networks.get(nic.network or ""))
        facts["FRONTEND_TYPE"] = nic_type
        environment |= {f"NIC_{index}_{name}": value for name, value in facts.items()}
    environment |= {f"INSTANCE_BE_{key}": str(value) for key, value in beparams.items()}
    environment |= {f"INSTANCE_HV_{key}": str(value) for key, value in hvparams.items()}
    return environment


def transfer_part(kind: str, index: int, disk: ReachedDisk) -> Environment:
    """What ``export`` (kind EXPORT) and ``import`` (IMPORT) are told of the disk they are for."""
    environment = {f"{kind}_INDEX": str(index)}
    if disk.path is not None:
        environment |= {f"{kind}_DEVICE": disk.path, f"{kind}_DISK_PATH": disk.path}
    address = _address(disk)
    if address is not None:
        environment[f"{kind}_DISK_URI"] = address
    return environment


def _disk_part(disk: Disk, reached: ReachedDisk, template: str) -> Environment:
    facts: dict[str, Any] = {"ACCESS": disk.mode, "UUID": disk.uuid, "SIZE": disk.size_mib}
    if disk.name:
        facts["NAME"] = disk.name
    if reached.path is not None:
        facts["PATH"] = reached.path
    address = _address(reached)
    if address is not None:
        facts["URI"] = address
    facts["BACKEND_TYPE"] = "file:loop" if template in FILES else "block"
    return {name: str(value) for name, value in facts.items()}


def _address(disk: ReachedDisk) -> str | None:
    """The address of a disk that is more than a path."""
    is_remote = isinstance(disk.drive, NbdDrive | NbdHostDrive)
    return address_of(disk.drive) if is_remote else None


def _nic_part(nic: Nic, network: Network | None) -> Environment:
    facts = {"MAC": nic.mac, "UUID": nic.uuid, "MODE": nic.mode}
    if nic.name:
        facts["NAME"] = nic.name
    if nic.ip:
        facts["IP"] = nic.ip
    if nic.mode == "bridged":
        facts["BRIDGE"] = nic.link
    if nic.link:
        facts["LINK"] = nic.link
    vlan = vlan_of(nic, network)
    if vlan:
        facts["VLAN"] = vlan
    if network is not None:
        facts |= network_part(network)
    return facts
