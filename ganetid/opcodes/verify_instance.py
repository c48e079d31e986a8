"""
Whether one instance is as configured: its guest, its disks, its group's policy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from twisted.internet import reactor
from twisted.internet.task import deferLater

from ganetid.cluster.model import ADMIN_UP, Disk, Instance, Member
from ganetid.node.interface import INode
from ganetid.opcodes.context import Context
from ganetid.opcodes.errors import OpcodeError
from ganetid.opcodes.policy_check import policy_violations
from ganetid.opcodes.verify_report import Finding

AGAIN_S = 0.5  # jobs go on meanwhile: what they are about to change is looked at again
TRIES = 3

Look = Callable[[Context, Instance, INode], Awaitable[list[Finding]]]


async def instance_findings(
    context: Context, instance: Instance, member: Member, node: INode | None
) -> AsyncIterator[Finding]:
    """What is wrong with it.  node: its primary one, None if that did not answer."""
    if member.offline:
        if instance.admin_state == ADMIN_UP:
            words = f"instance is marked as running and lives on offline node {member.name}"
            yield Finding("EINSTANCEBADNODE", instance.name, words)
        return
    if not member.vm_capable:
        words = f"instance lives on non-vm_capable node {member.name}"
        yield Finding("EINSTANCEBADNODE", instance.name, words)
    if node is None:
        words = f"instance {instance.name}, connection to primary node failed"
        yield Finding("ENODERPC", member.name, words)
        return
    for finding in _of_policy(context, instance):
        yield finding
    for look in (_of_guest, _of_disks):
        for finding in await _lasting(look, context, instance.name, node):
            yield finding


def _of_policy(context: Context, instance: Instance) -> Iterator[Finding]:
    violations = policy_violations(context, instance)
    if violations:
        yield Finding("EINSTANCEPOLICY", instance.name, ", ".join(violations), is_warning=True)


async def _lasting(look: Look, context: Context, name: str, node: INode) -> list[Finding]:
    """What is found every time; nothing of an instance that changed or went."""
    for attempt in range(TRIES):
        if attempt:
            await deferLater(reactor, AGAIN_S)
        instance = context.cluster.instances.get(name)
        if instance is None or instance.primary_node != node.name or instance.forthcoming:
            return []
        findings = await look(context, instance, node)
        if not findings:
            return []
    return findings


async def _of_guest(context: Context, instance: Instance, node: INode) -> list[Finding]:
    name = instance.name
    elsewhere = context.nodes.seen_elsewhere(instance)
    findings = [
        Finding("EINSTANCEWRONGNODE", name, f"instance should not run on node {other}")
        for other in elsewhere
    ]
    try:
        runs = await node.is_running(context.actual(instance))
    except OpcodeError as error:
        return [*findings, Finding("ENODEHV", node.name, f"{name}: {error.args[0]}")]
    if instance.admin_state == ADMIN_UP and not runs:
        words = f"instance not running on its primary node {node.name}"
        findings.append(Finding("EINSTANCEDOWN", name, words))
    if instance.admin_state != ADMIN_UP and runs:
        words = f"instance is marked {instance.admin_state} and runs on node {node.name}"
        findings.append(Finding("EINSTANCEWRONGNODE", name, words))
    return findings


async def _of_disks(context: Context, instance: Instance, node: INode) -> list[Finding]:
    found = [
        await _of_disk(context.actual(instance), index, disk, node)
        for index, disk in enumerate(instance.disks)
    ]
    return [each for each in found if each is not None]


async def _of_disk(instance: Instance, index: int, disk: Disk, node: INode) -> Finding | None:
    try:
        if await node.has_disk(instance, disk):
            return None
    except OpcodeError as error:
        words = f"couldn't retrieve status for disk/{index} on {node.name}: {error.args[0]}"
        return Finding("EINSTANCEFAULTYDISK", instance.name, words)
    words = f"volume {disk.name} missing on node {node.name}"
    return Finding("EINSTANCEMISSINGDISK", instance.name, words)
