"""
What opcodes on node groups share: finding a group, its next version.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ganetid.cluster.cluster_defaults import DISKPARAM_TYPES, NDPARAM_TYPES
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Group
from ganetid.cluster.policy import BadPolicy, changed
from ganetid.cluster.typed import WrongType, forced, updated
from ganetid.jobs.locks import Lock
from ganetid.opcodes.definition import Input
from ganetid.opcodes.errors import (
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    OpPrereqError,
    TypeEnforcementError,
)
from ganetid.opcodes.fields import DISK_TEMPLATES

ALLOC_POLICIES = ("preferred", "last_resort", "unallocable")


def group_named(cluster: Configuration, name: str) -> Group:
    """The group of this name or UUID.  Raises OpPrereqError."""
    group = cluster.groups.get(name)
    if group is not None:
        return group
    for each in cluster.groups.values():
        if each.uuid == name:
            return each
    raise OpPrereqError(f"Node group '{name}' not found", UNKNOWN_ENTITY)


def with_parameters(group: Group, given: Input) -> Group:
    """
    The group with the parameters that are given; "default" takes one out again.

    Raises OpPrereqError, TypeEnforcementError.
    """
    fields: dict[str, Any] = {}
    try:
        if given["alloc_policy"]:
            fields["alloc_policy"] = given["alloc_policy"]
        if given["ndparams"]:
            change = forced(given["ndparams"], NDPARAM_TYPES, ("default",))
            fields["ndparams"] = updated(group.ndparams, change)
        if given["diskparams"]:
            fields["diskparams"] = _diskparams(group, given["diskparams"])
        if given["ipolicy"]:
            fields["ipolicy"] = changed(group.ipolicy, given["ipolicy"], of_group=True)
    except BadPolicy as error:
        raise OpPrereqError(str(error), WRONG_INPUT) from error
    except WrongType as error:
        raise TypeEnforcementError(str(error)) from error
    return evolve(group, **fields)


def _diskparams(group: Group, given: dict[str, Any]) -> dict[str, Any]:
    newer = dict(group.diskparams)
    for template in DISK_TEMPLATES:
        if template in given:
            change = forced(given[template], DISKPARAM_TYPES[template], ("default",))
            newer[template] = updated(group.diskparams.get(template, {}), change)
    return {template: params for template, params in newer.items() if params}


def next_version(group: Group, now: float, **fields: Any) -> Group:
    """The group as it is after a change."""
    return evolve(group, mtime=now, serial_no=group.serial_no + 1, **fields)


def alone(given: Input) -> tuple[Lock, ...]:
    """The group, exclusively."""
    return (Lock("nodegroup", str(given["group_name"])),)
