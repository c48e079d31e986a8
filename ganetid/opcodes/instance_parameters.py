"""
From the parameters of OP_INSTANCE_CREATE to an Instance: checked against the cluster, nothing made.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ganetid.cluster.cluster_defaults import enabled_templates
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.defaults import HVPARAMS, UnknownParameter, beparams_from, checked
from ganetid.cluster.model import ADMIN_DOWN, ADMIN_UP, Disk, Instance
from ganetid.opcodes.adoption import with_device
from ganetid.opcodes.errors import (
    ALREADY_EXISTS,
    WRONG_INPUT,
    WRONG_STATE,
    OpPrereqError,
    TypeEnforcementError,
)
from ganetid.opcodes.nic_parameters import nics_from
from ganetid.opcodes.systems import WHOLE_DRIVE, kept

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
VOLUME = re.compile(r"[A-Za-z0-9._-]{1,120}")
MAX_DISKS = 16
WITH_PORT = frozenset({"kvm", "xen-hvm"})
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
        nics=nics_from(given["nics"], cluster, around.group, given["conflicts_check"]),
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
    given = with_device(given, template)
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
