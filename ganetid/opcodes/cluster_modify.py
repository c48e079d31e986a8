"""
OP_CLUSTER_SET_PARAMS: the cluster's own parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from ganetid.cluster import policy
from ganetid.cluster.cluster_defaults import (
    COLLECTORS,
    DISKPARAM_TYPES,
    NDPARAM_TYPES,
    enabled_hypervisors,
    enabled_templates,
)
from ganetid.cluster.defaults import HVPARAMS, UnknownParameter, beparams_from, checked
from ganetid.cluster.model import PutFacts
from ganetid.cluster.typed import WrongType, forced, updated
from ganetid.jobs.locks import Lock
from ganetid.opcodes.cluster_check import checked_values
from ganetid.opcodes.cluster_fields import FIELDS, PLAIN
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Input, Opcode, Outcome
from ganetid.opcodes.errors import WRONG_INPUT, WRONG_STATE, OpPrereqError, TypeEnforcementError
from ganetid.opcodes.node_pool import promotions

NIC_TYPES = dict.fromkeys(("link", "mode", "vlan"), "string")
Params = dict[str, Any]


async def set_params(context: Context, given: Input) -> Outcome:
    """Set what is given; everything else stays."""
    params = wanted(context, {**given, **context.private})
    if given["dry_run"]:
        return Outcome()
    facts = context.cluster.facts
    newer = evolve(facts, params=params, mtime=context.now(), serial_no=facts.serial_no + 1)
    promoted = promotions(context, context.cluster.members.values(), newer)
    return Outcome(None, (PutFacts(newer), *promoted))


def wanted(context: Context, given: Input) -> Params:
    """The cluster's parameters after the change.  Raises OpPrereqError, TypeEnforcementError."""
    given = checked_values(given)
    params: Params = dict(context.cluster.facts.params)
    for name in PLAIN:
        if given[name] is not None:
            params[name] = given[name]
    try:
        for name, merge in MERGED.items():
            if given[name]:
                params[name] = merge(params.get(name, {}), given[name])
        if given["ipolicy"]:
            merged = policy.cluster_policy(params, ())
            params["ipolicy"] = policy.changed(
                {key: value for key, value in merged.items() if value},
                given["ipolicy"], of_group=False,
            )  # fmt: skip
    except policy.BadPolicy as error:
        raise OpPrereqError(str(error), WRONG_INPUT) from error
    except (WrongType, UnknownParameter) as error:
        raise TypeEnforcementError(str(error)) from error
    _change_lists(params, given)
    _check_templates(context, params, given)
    _check_hypervisors(context, params, given)
    return params


def _beparams(old: Params, given: Mapping[str, Any]) -> Params:
    return {"default": {**old.get("default", {}), **beparams_from(given)}}


def _hvparams(old: Params, given: Mapping[str, Any]) -> Params:
    newer = dict(old)
    for hypervisor, values in given.items():
        newer[hypervisor] = {**old.get(hypervisor, {}), **checked(values, HVPARAMS)}
    return newer


def _os_hvp(old: Params, given: Mapping[str, Any]) -> Params:
    newer = dict(old)
    for name, by_hypervisor in given.items():
        mine = dict(newer.get(name, {}))
        for hypervisor, values in by_hypervisor.items():
            if values is None:
                mine.pop(hypervisor, None)
            else:
                mine[hypervisor] = {**mine.get(hypervisor, {}), **checked(values, HVPARAMS)}
        newer[name] = mine
    return {name: by_hypervisor for name, by_hypervisor in newer.items() if by_hypervisor}


def _osparams(old: Params, given: Mapping[str, Any]) -> Params:
    newer = {name: updated(old.get(name, {}), values) for name, values in given.items()}
    return {name: values for name, values in {**old, **newer}.items() if values}


def _diskparams(old: Params, given: Mapping[str, Any]) -> Params:
    newer = dict(old)
    for template, values in given.items():
        newer[template] = {**old.get(template, {}), **forced(values, DISKPARAM_TYPES[template])}
    return newer


def _of_types(types: Mapping[str, str]) -> Callable[[Params, Mapping[str, Any]], Params]:
    return lambda old, given: {**old, **forced(given, types)}


MERGED: Mapping[str, Callable[[Params, Mapping[str, Any]], Params]] = {
    "beparams": _beparams,
    "hvparams": _hvparams,
    "os_hvp": _os_hvp,
    "osparams": _osparams,
    "osparams_private_cluster": _osparams,
    "diskparams": _diskparams,
    "nicparams": _of_types(NIC_TYPES),
    "ndparams": _of_types(NDPARAM_TYPES),
    "enabled_data_collectors": _of_types(dict.fromkeys(COLLECTORS, "bool")),
    "data_collector_interval": _of_types(dict.fromkeys(COLLECTORS, "int")),
}


def _change_lists(params: Params, given: Input) -> None:
    """Lists that are changed by words add and remove, or as ranges."""
    for name in ("hidden_os", "blacklisted_os"):
        if given[name] is None:
            continue
        names = list(params.get(name, ()))
        for action, value in given[name]:
            if action in {"add", "attach"} and value not in names:
                names.append(value)
            elif action in {"remove", "detach"} and value in names:
                names.remove(value)
        params[name] = names
    pool = [list(each) for each in params.get("uid_pool", ())]
    pool += [list(each) for each in given["add_uids"] or () if list(each) not in pool]
    gone = [list(each) for each in given["remove_uids"] or ()]
    if given["add_uids"] or given["remove_uids"]:
        params["uid_pool"] = [each for each in pool if each not in gone]


def _check_templates(context: Context, params: Params, given: Input) -> None:
    """A template that instances have stays enabled; each one must be possible here."""
    if given["enabled_disk_templates"] is None:
        return
    possible = {name for node in context.nodes for name in node.abilities.templates}
    impossible = sorted(set(given["enabled_disk_templates"]) - possible)
    if impossible:
        raise OpPrereqError(
            f"Disk template '{impossible[0]}' can't be enabled: no node has it", WRONG_INPUT
        )
    enabled = enabled_templates(evolve(context.cluster.facts, params=params), possible)
    if not enabled:
        raise OpPrereqError("There must be at least one enabled disk template", WRONG_INPUT)
    for instance in context.cluster.instances.values():
        if instance.disk_template not in enabled:
            raise OpPrereqError(
                f"Cannot disable disk template '{instance.disk_template}', because there is at"
                f" least one instance using it:\n * {instance.name}",
                WRONG_STATE,
            )


def _check_hypervisors(context: Context, params: Params, given: Input) -> None:
    if given["enabled_hypervisors"] is None:
        return
    possible = [name for node in context.nodes for name in node.abilities.hypervisors]
    impossible = sorted(set(given["enabled_hypervisors"]) - set(possible))
    if impossible:
        raise OpPrereqError(f"Enabled hypervisors contains invalid entries:"
                            f" {', '.join(impossible)}", WRONG_INPUT)  # fmt: skip
    if not enabled_hypervisors(evolve(context.cluster.facts, params=params), possible):
        raise OpPrereqError(
            "Enabled hypervisors list must contain at least one member", WRONG_INPUT
        )


def _locks(given: Input) -> tuple[Lock, ...]:
    return (Lock("cluster", ""),)


OPCODES = (Opcode("OP_CLUSTER_SET_PARAMS", FIELDS, set_params, set_params, _locks),)
