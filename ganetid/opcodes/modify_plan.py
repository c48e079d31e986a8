"""
What OP_INSTANCE_SET_PARAMS changes of an instance: decided before anything is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from ganetid.cluster.defaults import HVPARAMS, UnknownParameter, beparams_from, checked
from ganetid.cluster.model import ADMIN_DOWN, ADMIN_OFFLINE, Disk, Instance, Nic
from ganetid.cluster.typed import updated
from ganetid.opcodes.adoption import BLOCKDEV
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Input
from ganetid.opcodes.device_changes import (
    ADD,
    ATTACH,
    COMES,
    DETACH,
    GOES,
    MODIFY,
    DeviceChange,
    changes_from,
    index_of,
    inserted,
    new_index,
    replaced,
    without,
)
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError, TypeEnforcementError
from ganetid.opcodes.instance_parameters import (
    MAX_DISKS,
    disk_from,
)
from ganetid.opcodes.instances import require_state
from ganetid.opcodes.nic_modify import Around, modified_nic
from ganetid.opcodes.nic_parameters import MAX_NICS, nic_from
from ganetid.opcodes.systems import kept

Told = list[list[Any]]


@frozen
class Step:
    """
    A device that comes, goes or is changed: what is to be done with it on the node.

    action: add, remove, detach or modify.  device: as it is afterwards, or was.
    """

    action: str
    index: int
    device: Disk | Nic


@frozen
class Plan:
    """
    The instance as it will be, the steps there, and what Ganeti tells of each change.

    told: of disks, of NICs, and the rest; in this order they are the job's result.
    """

    instance: Instance
    disks: tuple[Step, ...] = ()
    nics: tuple[Step, ...] = ()
    told_disks: tuple[list[Any], ...] = ()
    told_nics: tuple[list[Any], ...] = ()
    told: tuple[list[Any], ...] = ()


def plan_of(context: Context, instance: Instance, given: Input) -> Plan:
    """All that is asked for.  Raises OpPrereqError, TypeEnforcementError."""
    plan = _with_disks(Plan(instance), given)
    plan = _with_nics(context, plan, given)
    plan = _with_parameters(plan, given)
    return _with_state(plan, given)


def _with_disks(plan: Plan, given: Input) -> Plan:
    steps: list[Step] = []
    told: Told = []
    disks: tuple[Disk, ...] = plan.instance.disks
    for change in changes_from(given["disks"], "disk"):
        disks, step, news = _changed_disks(plan.instance, disks, change, given["keep_disks"])
        steps.append(step)
        told += news
    if len(disks) > MAX_DISKS:
        raise OpPrereqError(
            f"Instance has too many disks ({MAX_DISKS}), cannot add more", WRONG_INPUT
        )
    if len({disk.name for disk in disks}) < len(disks):
        raise OpPrereqError("Two disks have the same name", WRONG_INPUT)
    instance = evolve(plan.instance, disks=disks)
    return evolve(plan, instance=instance, disks=tuple(steps), told_disks=tuple(told))


def _changed_disks(
    instance: Instance, disks: tuple[Disk, ...], change: DeviceChange, keep: bool | None
) -> tuple[tuple[Disk, ...], Step, Told]:
    if change.action == ATTACH:
        wanted = change.parameters.get("name") or change.parameters.get("uuid")
        raise OpPrereqError(f"No disk was found with this name: {wanted}", WRONG_INPUT)
    if change.action in COMES:
        if instance.disk_template == "diskless":
            raise OpPrereqError("Must specify disk type on diskless instance", WRONG_INPUT)
        if instance.disk_template == BLOCKDEV:
            raise OpPrereqError("Devices are adopted only by new instances", WRONG_INPUT)
        if "size" not in change.parameters:
            raise OpPrereqError("Required disk parameter 'size' missing", WRONG_INPUT)
        disk = disk_from(change.parameters, instance.disk_template)
        index = new_index(disks, change, "disk")
        told = [[f"disk/{index}", f"add:size={disk.size_mib},mode={disk.mode}"]]
        return inserted(disks, index, disk), Step(ADD, index, disk), told
    index = index_of(disks, change, "disk")
    if change.action in GOES:
        action = DETACH if keep is True else change.action
        told = [[f"disk/{index}", change.action]]
        return without(disks, index), Step(action, index, disks[index]), told
    disk = _modified_disk(disks[index], change.parameters)
    told = [[f"disk.{key}/{index}", value] for key, value in change.parameters.items()]
    return replaced(disks, index, disk), Step(MODIFY, index, disk), told


def _modified_disk(disk: Disk, parameters: Mapping[str, Any]) -> Disk:
    if "size" in parameters:
        raise OpPrereqError("Disk size change not possible, use grow-disk", WRONG_INPUT)
    for name in ("access", "provider"):
        if name in parameters:
            raise OpPrereqError(f"Disk '{name}' parameter change is not possible", WRONG_INPUT)
    mode = parameters.get("mode", disk.mode)
    if mode not in {"rw", "ro"}:
        raise OpPrereqError(f"Invalid disk access mode '{mode}'", WRONG_INPUT)
    if parameters.get("name", disk.name) != disk.name:
        raise OpPrereqError("A disk's name is its volume's here: it can't be changed", WRONG_INPUT)
    extra = {key: str(value) for key, value in parameters.items() if key not in {"mode", "name"}}
    return evolve(disk, mode=mode, params={**disk.params, **extra})


def _with_nics(context: Context, plan: Plan, given: Input) -> Plan:
    steps: list[Step] = []
    told: Told = []
    nics: tuple[Nic, ...] = plan.instance.nics
    for change in changes_from(given["nics"], "NIC"):
        checks = given["conflicts_check"]
        nics, step, news = _changed_nics(context, plan.instance, nics, change, checks)
        steps.append(step)
        told += news
    if len(nics) > MAX_NICS:
        raise OpPrereqError(
            f"Instance has too many network interfaces ({MAX_NICS}), cannot add more", WRONG_INPUT
        )
    instance = evolve(plan.instance, nics=nics)
    return evolve(plan, instance=instance, nics=tuple(steps), told_nics=tuple(told))


def _changed_nics(
    context: Context,
    instance: Instance,
    nics: tuple[Nic, ...],
    change: DeviceChange,
    conflicts_check: bool,
) -> tuple[tuple[Nic, ...], Step, Told]:
    cluster = context.cluster
    group = cluster.group_of(instance.primary_node)
    name = group.name if group else ""
    if change.action in COMES:
        nic = nic_from(change.parameters, cluster, list(nics), name, conflicts_check)
        index = new_index(nics, change, "NIC")
        words = (f"add:mac={nic.mac},ip={nic.ip},mode={nic.mode},link={nic.link},"
                 f"network={nic.network}")  # fmt: skip
        return inserted(nics, index, nic), Step(ADD, index, nic), [[f"nic.{index}", words]]
    index = index_of(nics, change, "NIC")
    if change.action in GOES:
        told = [[f"NIC/{index}", change.action]]
        return without(nics, index), Step(change.action, index, nics[index]), told
    others = list(without(nics, index))
    around = Around(cluster, others, name, conflicts_check)
    nic = modified_nic(nics[index], change.parameters, around)
    told = _told_of_nic(nics[index], nic, index, change.parameters)
    return replaced(nics, index, nic), Step(MODIFY, index, nic), told


def _told_of_nic(old: Nic, new: Nic, index: int, parameters: Mapping[str, Any]) -> Told:
    told: Told = [
        [f"nic.{key}/{index}", getattr(new, key)]
        for key in ("mac", "ip", "name")
        if key in parameters
    ]
    if new.network != old.network:
        told.append([f"nic.network/{index}", new.network])
    told += [[f"nic.{key}/{index}", getattr(new, key)] for key in ("link", "mode")]
    return [*told, [f"nic.vlan/{index}", new.vlan]]


def _with_parameters(plan: Plan, given: Input) -> Plan:
    instance, told = plan.instance, list(plan.told)
    try:
        if given["hvparams"]:
            checked(given["hvparams"], HVPARAMS)
            instance = evolve(
                instance, hvparams=_merged(instance.hvparams, given["hvparams"], hypervisor=True)
            )
            told += [[f"hv/{key}", value] for key, value in given["hvparams"].items()]
        if given["beparams"]:
            spelt = spelt_beparams(given["beparams"])
            instance = evolve(instance, beparams=_merged(instance.beparams, spelt))
            told += [
                [f"be/{key}", spelt.get(key, value)] for key, value in given["beparams"].items()
            ]
    except UnknownParameter as error:
        raise TypeEnforcementError(str(error)) from error
    if given["os_name"]:
        instance = evolve(instance, os_type=given["os_name"])
    plan = evolve(plan, instance=instance, told=tuple(told))
    return _with_osparams(plan, given)


def _with_osparams(plan: Plan, given: Input) -> Plan:
    """Private values are told to nobody."""
    instance, told = plan.instance, list(plan.told)
    public, private = given["osparams"] or {}, given["osparams_private"] or {}
    twice = sorted(set(public) & set(private))
    if twice:
        raise OpPrereqError(
            f"OS parameters repeated multiple times: {', '.join(twice)}", WRONG_INPUT
        )
    told += [[f"os/{key}", value] for key, value in public.items()]
    told += [[f"os_private/{key}", f"Private(?, descr='{key}')"] for key in private]
    newer = evolve(
        instance,
        osparams=updated(instance.osparams, public),
        osparams_private=updated(instance.osparams_private, kept(private)),
    )
    return evolve(plan, instance=newer, told=tuple(told))


def spelt_beparams(given: Mapping[str, Any]) -> dict[str, Any]:
    """Backend parameters as numbers, those that are reset to "default" too."""
    kept = {key: value for key, value in given.items() if value != "default"}
    reset = {
        name: "default"
        for key, value in given.items()
        if value == "default"
        for name in (("minmem", "maxmem") if key == "memory" else (key,))
    }
    beparams_from(reset)
    return {**beparams_from(kept), **reset}


def _merged(
    old: Mapping[str, Any], change: Mapping[str, Any], hypervisor: bool = False
) -> dict[str, Any]:
    """`old` with the changes; a value "default" takes one out."""
    newer = {key: value for key, value in old.items() if key not in change}
    if hypervisor:
        return {**newer, **checked(change, HVPARAMS)}
    return {**newer, **{key: value for key, value in change.items() if value != "default"}}


def _with_state(plan: Plan, given: Input) -> Plan:
    if given["offline"] is None:
        return plan
    wanted = ADMIN_OFFLINE if given["offline"] else ADMIN_DOWN
    purpose = "can't change to offline without being down first"
    require_state(plan.instance, (ADMIN_DOWN, ADMIN_OFFLINE), purpose)
    instance = evolve(plan.instance, admin_state=wanted)
    return evolve(plan, instance=instance, told=(*plan.told, ["admin_state", wanted]))
