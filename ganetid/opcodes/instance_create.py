"""
OP_INSTANCE_CREATE: volumes, config drive, taps, guest; and the way back when any of it fails.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import evolve, field, frozen

from ganetid.cluster.model import ADMIN_UP, AddDebris, Disk, DropDebris, Instance, PutInstance
from ganetid.jobs.locks import Lock
from ganetid.opcodes import systems
from ganetid.opcodes.adoption import BLOCKDEV, adopted
from ganetid.opcodes.context import Context
from ganetid.opcodes.create_checks import IMPORT, REMOTE_IMPORT, asked_for, without_defaults
from ganetid.opcodes.create_fields import FIELDS
from ganetid.opcodes.definition import INSTANCE, Input, Opcode, Outcome
from ganetid.opcodes.errors import (
    ALREADY_EXISTS,
    WRONG_INPUT,
    OpcodeError,
    OpExecError,
    OpPrereqError,
)
from ganetid.opcodes.forthcoming import committed, reserved_for, with_reserved
from ganetid.opcodes.iallocator import placed
from ganetid.opcodes.imports import ISource, source_of
from ganetid.opcodes.instance_parameters import Surroundings, instance_from
from ganetid.opcodes.instances import debris_of
from ganetid.opcodes.policy_check import require_allowed
from ganetid.opcodes.remote_imports import remote_source
from ganetid.placement.choice import node_for

MAX_CONFIG_DRIVE = 2 * 1024 * 1024


@frozen
class Made:
    """What a create noted down: the instance, and which of its disks it was about to make."""

    instance: Instance
    disks: tuple[Disk, ...]


@frozen
class Wish:
    """
    What is to be made, after all was looked at that may forbid it.

    source: of its disks' content; None: its system is put on them, if it installs.
    parameters: the system's.  files: of its config drive, None when none is given.
    """

    instance: Instance
    installs: bool
    source: ISource | None
    parameters: Mapping[str, str] = field(repr=False)
    files: Mapping[str, bytes] | None = field(repr=False)


async def create(context: Context, given: Input) -> Outcome:
    """
    Make the instance and start it; on failure remove all that was made.

    forthcoming: only reserve its place.  commit: make one that is forthcoming.
    """
    wish = await _wish(context, {**given, **context.private})
    instance = wish.instance
    context.cluster.claim(instance)
    try:
        await context.before(instance)
        if given["dry_run"]:
            context.cluster.release(instance.name)
            return Outcome([instance.primary_node])
        if instance.forthcoming:
            context.log("Instance is forthcoming, not creating disks")
        else:
            await _make(context, wish)
    except Exception:
        context.cluster.release(instance.name)
        raise
    return _created(instance)


async def _wish(context: Context, given: Mapping[str, Any]) -> Wish:
    """What is asked for.  Raises OpPrereqError, TypeEnforcementError."""
    given, source = await _with_source(context, await asked_for(context, given))
    files = config_drive_files(context.private)
    instance = await adopted(context, wanted_instance(context, await placed(context, given)))
    require_allowed(context, instance, given["ignore_ipolicy"])
    parameters = systems.parameters_of(context, instance, given)
    await systems.verify(context, instance, parameters, given["force_variant"])
    installs = source is None and not given["no_install"] and instance.disk_template != BLOCKDEV
    if installs and systems.makes_seed(instance, parameters):
        instance = evolve(instance, config_drive=True)
    return Wish(instance, installs, source, parameters, files)


async def _make(context: Context, wish: Wish) -> None:
    instance = wish.instance
    disks = await _disks_to_make(context, instance)
    await context.note(_notes(instance, disks))
    made: list[Disk] = []
    try:
        await _make_disks(context, instance, disks, made)
        if wish.source is not None:
            await wish.source.restore(context, instance)
        elif wish.installs:
            await systems.install(context, instance, wish.parameters)
        await _make_guest(context, instance, wish.files)
    except Exception:
        await roll_back(context, Made(instance, tuple(made)))
        raise


async def _with_source(
    context: Context, given: Mapping[str, Any]
) -> tuple[Mapping[str, Any], ISource | None]:
    """(the request with what an export says where it says nothing, where disks' content is)."""
    if given["mode"] == IMPORT:
        return await source_of(context, given)
    if given["mode"] == REMOTE_IMPORT:
        return given, await remote_source(context, given)
    return given, None


async def recover(context: Context, given: Input) -> Outcome:
    """
    After a crash: done if the guest verifiably runs, else all that was made goes.

    A create that had noted nothing had made nothing.
    """
    if "instance" not in context.made:
        raise OpExecError("ganetid was interrupted before anything was made")
    made = _made_from(context)
    context.cluster.claim(made.instance)
    try:
        if await context.node_of(made.instance).is_running(made.instance):
            context.log("The guest was found running, the creation is complete")
            return _created(made.instance)
        await roll_back(context, made)
    except Exception:
        context.cluster.release(made.instance.name)
        raise
    context.cluster.release(made.instance.name)
    raise OpExecError("ganetid was interrupted during the creation; what was made is removed")


async def roll_back(context: Context, made: Made) -> None:
    """Remove guest, taps, config drive and those volumes that the create had made."""
    context.log("Removing what was made")
    node = context.node_of(made.instance)
    await node.clear(made.instance)
    for disk in made.disks:
        try:
            await node.remove_disk(made.instance, disk)
        except OpcodeError as error:
            context.log(f"Disk {disk.name} is left to be removed later: {error.args[0]}")
            debris = debris_of(made.instance, disk)
            await context.keep((AddDebris(debris),))


def config_drive_files(private: Any) -> dict[str, bytes] | None:
    """The config drive's files by path, None when none is wanted.  Raises OpPrereqError."""
    document = (private.get("osparams_private") or {}).get("config_drive")
    if document is None:
        return None
    try:
        files = {
            str(path): base64.b64decode(content, validate=True)
            for path, content in json.loads(document).items()
        }
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise OpPrereqError(
            "config_drive is not a JSON object of base64 values", WRONG_INPUT
        ) from None
    if sum(map(len, files.values())) > MAX_CONFIG_DRIVE:
        raise OpPrereqError(f"config_drive holds over {MAX_CONFIG_DRIVE} bytes", WRONG_INPUT)
    return files


def wanted_instance(context: Context, given: Mapping[str, Any]) -> Instance:
    """The instance, with its place.  Raises OpPrereqError, TypeEnforcementError."""
    cluster = context.cluster
    reserved = reserved_for(given, cluster)
    wished = with_reserved(given, reserved)
    member = node_for(wished, cluster, context.nodes)
    abilities = context.nodes.named(member.name).abilities
    around = Surroundings(
        node=member.name,
        group=member.group,
        hypervisors=frozenset(abilities.hypervisors),
        disk_templates=abilities.templates,
        default_hypervisor=abilities.default_hypervisor,
    )
    instance = instance_from(wished, cluster, around, context.now())
    if given["identify_defaults"]:
        instance = without_defaults(instance, cluster.facts)
    return committed(instance, reserved)


async def _disks_to_make(context: Context, instance: Instance) -> tuple[Disk, ...]:
    """
    Disks that don't exist yet, after what a failed job left of them is gone.

    Raises OpPrereqError for one that is there and shouldn't be.
    """
    node = context.node_of(instance)
    wanted = tuple(disk for disk in instance.disks if not disk.reuses_data)
    for disk in wanted:
        debris = debris_of(instance, disk)
        if debris in context.cluster.debris:
            await node.remove_disk(instance, disk)
            await context.keep((DropDebris(debris),))
        if await node.has_disk(instance, disk):
            raise OpPrereqError(f"Volume {disk.name} exists already", ALREADY_EXISTS)
    return wanted


async def _make_disks(
    context: Context, instance: Instance, disks: tuple[Disk, ...], made: list[Disk]
) -> None:
    """Make them one by one; `made` gets each that may be there now, even after a failure."""
    context.log("* creating instance disks...")
    node = context.node_of(instance)
    for disk in disks:
        made.append(disk)
        try:
            await node.create_disk(instance, disk)
        except OpExecError as error:
            if error.nothing_made:
                made.pop()
            raise


async def _make_guest(
    context: Context, instance: Instance, files: Mapping[str, bytes] | None
) -> None:
    node = context.node_of(instance)
    if files is not None:
        await node.write_config_drive(instance, files)
    if instance.admin_state == ADMIN_UP:
        context.log("* starting instance...")
        await node.start(context.actual(instance))


def _created(instance: Instance) -> Outcome:
    return Outcome([instance.primary_node], (PutInstance(instance),))


def _notes(instance: Instance, disks: tuple[Disk, ...]) -> dict[str, Any]:
    """A job shows them to nobody, but it keeps them: private parameters are kept apart."""
    bare = evolve(instance, osparams_private={})
    return {"instance": bare, "disks": [disk.name for disk in disks]}


def _made_from(context: Context) -> Made:
    instance = msgspec.convert(context.made["instance"], Instance)
    instance = evolve(
        instance,
        primary_node=instance.primary_node or context.nodes.own.name,
        osparams_private=systems.kept(context.private.get("osparams_private")),
    )
    names = set(context.made["disks"])
    return Made(instance, tuple(disk for disk in instance.disks if disk.name in names))


def _locks(given: Input) -> tuple[Lock, ...]:
    networks = {str(nic["network"]) for nic in given["nics"] if nic.get("network")}
    return (
        Lock("instance", str(given["instance_name"])),
        *(Lock("network", name, shared=True) for name in sorted(networks)),
    )


OPCODES = (
    Opcode(
        op_id="OP_INSTANCE_CREATE",
        fields=FIELDS,
        run=create,
        recover=recover,
        locks=_locks,
        described_by="instance_name",
        subject=(INSTANCE, "instance_name"),
        renamed={"os": "os_type", "name": "instance_name"},
        tells_hooks=True,
    ),
)
