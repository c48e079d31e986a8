"""
From the parameters of OP_INSTANCE_CREATE to an Instance: checked against the cluster, nothing made.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import uuid
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ganetid.cluster.cluster_defaults import cluster_nicparams, cluster_parameter, enabled_templates
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.defaults import HVPARAMS, UnknownParameter, beparams_from, checked
from ganetid.cluster.model import ADMIN_DOWN, ADMIN_UP, Connection, Disk, Instance, Network, Nic
from ganetid.opcodes.errors import (
    ALREADY_EXISTS,
    NOT_UNIQUE,
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    WRONG_STATE,
    OpPrereqError,
    TypeEnforcementError,
)
from ganetid.opcodes.networks import external
from ganetid.opcodes.systems import WHOLE_DRIVE, kept

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
VOLUME = re.compile(r"[A-Za-z0-9._-]{1,120}")
MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
MAX_DISKS = 16
WITH_PORT = frozenset({"kvm", "xen-hvm"})
MAX_NICS = 8
KNOWN_DISK_FIELDS = frozenset({"name", "size", "mode", "provider", "spindles"})
DISK_ACCESS = frozenset({"kernelspace", "userspace"})


@frozen
class Surroundings:
    """The node that the instance goes to, its group, its hypervisors and disk templates."""

    node: str
    group: str
    hypervisors: frozenset[str]
    disk_templates: frozenset[str]
    default_hypervisor: str


def instance_from(
    given: Mapping[str, Any], cluster: Configuration, around: Surroundings, now: float
) -> Instance:
    """
    The instance that is asked for; with `commit` the one that is forthcoming.

    Raises OpPrereqError, TypeEnforcementError.
    """
    name = str(given["instance_name"])
    if not NAME.fullmatch(name):
        raise OpPrereqError(f"Invalid instance name '{name}'", WRONG_INPUT)
    if cluster.is_known(name) and not given["commit"]:
        raise OpPrereqError(f"Instance '{name}' is already in the cluster", ALREADY_EXISTS)
    hypervisor = given["hypervisor"] or around.default_hypervisor
    if hypervisor not in around.hypervisors:
        raise OpPrereqError(
            f"Selected hypervisor ({hypervisor}) not enabled in the cluster"
            f" ({', '.join(sorted(around.hypervisors))})",
            WRONG_STATE,
        )
    enabled = enabled_templates(cluster.facts, around.disk_templates)
    template = given["disk_template"] or enabled[0]
    if template not in enabled:
        raise OpPrereqError(
            f"Disk template '{template}' is not enabled in cluster. Enabled disk templates are:"
            f" {','.join(enabled)}",
            WRONG_INPUT,
        )
    try:
        beparams, hvparams = beparams_from(given["beparams"]), checked(given["hvparams"], HVPARAMS)
    except UnknownParameter as error:
        raise TypeEnforcementError(str(error)) from error
    return Instance(
        name=name,
        uuid=_uuid_from(name),
        os_type=given["os_type"] or "",
        hypervisor=hypervisor,
        disk_template=template,
        disks=disks_from(given["disks"], template),
        nics=_nics_from(given["nics"], cluster, around.group),
        beparams=beparams,
        hvparams=hvparams,
        osparams=dict(given["osparams"] or {}),
        admin_state=ADMIN_UP if given["start"] else ADMIN_DOWN,
        ctime=now,
        mtime=now,
        tags=tuple(sorted(set(given["tags"]))),
        forthcoming=given["forthcoming"],
        osparams_private=kept(given["osparams_private"]),
        config_drive=WHOLE_DRIVE in (given["osparams_private"] or {}),
        primary_node=around.node,
        network_port=cluster.free_port() if hypervisor in WITH_PORT else None,
    )


def _uuid_from(name: str) -> str:
    """The UUID in a name such as snf-<uuid>, so that the guest sees its server's; or a new one."""
    try:
        return str(uuid.UUID(name.partition("-")[2]))
    except ValueError:
        return str(uuid.uuid4())


def disks_from(given: list[dict[str, Any]], template: str) -> tuple[Disk, ...]:
    """The disks that are asked for.  Raises OpPrereqError."""
    if template == "diskless":
        if given:
            raise OpPrereqError("Diskless instances can't have disks", WRONG_INPUT)
        return ()
    if len(given) > MAX_DISKS:
        raise OpPrereqError(f"At most {MAX_DISKS} disks are possible", WRONG_INPUT)
    disks = tuple(disk_from(each, template) for each in given)
    if len({disk.name for disk in disks}) < len(disks):
        raise OpPrereqError("Two disks have the same name", WRONG_INPUT)
    return disks


def disk_from(given: Mapping[str, Any], template: str) -> Disk:
    """A disk as asked for.  Raises OpPrereqError."""
    size = given.get("size")
    if size is None:
        raise OpPrereqError("Missing disk size", WRONG_INPUT)
    try:
        size_mib = int(size)
    except (TypeError, ValueError):
        raise OpPrereqError(f"Invalid disk size '{size}'", WRONG_INPUT) from None
    if size_mib <= 0:
        raise OpPrereqError(f"Invalid disk size '{size}'", WRONG_INPUT)
    mode = given.get("mode", "rw")
    if mode not in {"rw", "ro"}:
        raise OpPrereqError(f"Invalid disk access mode '{mode}'", WRONG_INPUT)
    disk_uuid = str(uuid.uuid4())
    name = given.get("name") or f"{disk_uuid}.{template}.disk"
    if not isinstance(name, str) or not VOLUME.fullmatch(name) or name in {".", ".."}:
        raise OpPrereqError(f"Invalid disk name '{name}'", WRONG_INPUT)
    if str(given.get("access", "kernelspace")) not in DISK_ACCESS:
        raise OpPrereqError(f"Invalid disk access '{given['access']}'", WRONG_INPUT)
    if template == "ext" and not given.get("provider"):
        raise OpPrereqError("The 'ext' disk template requires the provider", WRONG_INPUT)
    params = {str(key): str(value) for key, value in given.items() if key not in KNOWN_DISK_FIELDS}
    return Disk(name, disk_uuid, size_mib, mode, given.get("provider"), params)


def _nics_from(given: list[dict[str, Any]], cluster: Configuration, group: str) -> tuple[Nic, ...]:
    if len(given) > MAX_NICS:
        raise OpPrereqError(f"At most {MAX_NICS} NICs are possible", WRONG_INPUT)
    nics: list[Nic] = []
    for each in given:
        nics.append(nic_from(each, cluster, nics, group))
    return tuple(nics)


def nic_from(
    given: Mapping[str, Any], cluster: Configuration, others: list[Nic], group: str
) -> Nic:
    """
    A NIC as asked for.  others: of the same instance.  group: of the instance's node.

    Raises OpPrereqError.
    """
    nic_uuid = str(uuid.uuid4())
    network = network_of(given.get("network"), cluster)
    mode, link = given.get("mode"), given.get("link") or given.get("bridge")
    if network is not None:
        if mode or link:
            raise OpPrereqError(
                "If network is given, mode or link can't be set for this interface", WRONG_INPUT
            )
        place = place_in(network, group)
        mode, link = place.mode, place.link
    inherited = cluster_nicparams(cluster.facts)
    return Nic(
        name=str(given.get("name") or nic_uuid),
        uuid=nic_uuid,
        mac=mac_from(given.get("mac"), nic_uuid, network, cluster, others),
        ip=ip_from(given.get("ip"), network, cluster, others),
        network=None if network is None else network.name,
        mode=str(mode or inherited["mode"]),
        link=str(link or inherited["link"]),
    )


def place_in(network: Network, group: str) -> Connection:
    """The network's place in a node group.  Raises OpPrereqError where it has none."""
    for each in network.connections:
        if each.group == group:
            return each
    raise OpPrereqError(
        f"No netparams found for network {network.name}. Maybe not connected to node's"
        f" nodegroup ({group})?",
        WRONG_INPUT,
    )


def network_of(wanted: Any, cluster: Configuration) -> Network | None:
    """The network of this name or UUID; None for none.  Raises OpPrereqError."""
    if wanted is None or str(wanted).lower() == "none":
        return None
    for network in cluster.networks.values():
        if wanted in {network.name, network.uuid}:
            return network
    raise OpPrereqError(f"Network '{wanted}' not found", UNKNOWN_ENTITY)


def mac_from(
    given: Any, seed: str, network: Network | None, cluster: Configuration, others: list[Nic]
) -> str:
    """
    The MAC address that is asked for, or a free one.

    seed: the same seed gives the same address if it is free.  Raises OpPrereqError.
    """
    taken = {nic.mac for nic in others}
    if given in {None, "auto", "generate"}:
        prefix = (network.mac_prefix if network else None) or cluster_parameter(
            cluster.facts, "mac_prefix"
        )
        for attempt in range(1000):
            digest = hashlib.sha256(f"{seed}{attempt}".encode()).digest()
            mac = f"{prefix}:{digest[0]:02x}:{digest[1]:02x}:{digest[2]:02x}"
            if mac not in taken and not cluster.has_mac(mac):
                return mac
        raise OpPrereqError("No free MAC address was found", NOT_UNIQUE)
    mac = str(given).lower()
    if not MAC.fullmatch(mac) or int(mac[:2], 16) & 1:
        raise OpPrereqError(f"Invalid MAC address '{given}'", WRONG_INPUT)
    if mac in taken or cluster.has_mac(mac):
        raise OpPrereqError(f"MAC address {mac} already in use in cluster", NOT_UNIQUE)
    return mac


def ip_from(
    given: Any, network: Network | None, cluster: Configuration, others: list[Nic]
) -> str | None:
    """The address that is asked for, of a pool the first free one.  Raises OpPrereqError."""
    if given is None or str(given).lower() == "none":
        return None
    if network is None:
        if given == "pool":
            raise OpPrereqError("if ip=pool, parameter network must be passed too", WRONG_INPUT)
        try:
            return str(ipaddress.ip_address(given))
        except ValueError:
            raise OpPrereqError(f"Invalid IP address '{given}'", WRONG_INPUT) from None
    taken = set(cluster.addresses(network.name)) | {
        nic.ip for nic in others if nic.network == network.name and nic.ip
    }
    if given == "pool":
        return _first_free(network, taken)
    try:
        address = ipaddress.IPv4Address(given)
    except ValueError:
        raise OpPrereqError(f"Invalid IP address '{given}'", WRONG_INPUT) from None
    inside = address in ipaddress.IPv4Network(network.subnet)
    if not inside or str(address) in taken or str(address) in external(network):
        raise OpPrereqError(
            f"IP address {address} already in use or does not belong to network {network.name}",
            NOT_UNIQUE,
        )
    return str(address)


def _first_free(network: Network, taken: set[str]) -> str:
    kept = external(network) | taken
    for address in ipaddress.IPv4Network(network.subnet).hosts():
        if str(address) not in kept:
            return str(address)
    raise OpPrereqError(f"No free address in network {network.name}", NOT_UNIQUE)
