"""
Rows for queries, from what the remote API shows of everything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from attrs import frozen
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from ganetid.cluster.model import ADMIN_UP, FilterRule, Group, Instance, Member
from ganetid.jobs.locks import LockState
from ganetid.jobs.shown import every_field
from ganetid.opcodes.errors import OpcodeError
from ganetid.query.fields import Row
from ganetid.query.rows import IRows
from ganetid.rapi import groups, instances, networks, nodes
from ganetid.rapi.api import Api
from ganetid.rapi.life import Life, lives
from ganetid.rapi.turns import in_turns


@implementer(IRows)
@frozen
class ApiRows:
    """The real IRows."""

    api: Api

    async def of(self, resource: str, names: Collection[str]) -> list[Row]:
        """See IRows."""
        return await _SOURCES[resource](self.api, names)


def shown_rule(rule: FilterRule) -> dict[str, Any]:
    """A rule of the job queue as Ganeti shows it."""
    return {
        "watermark": rule.watermark,
        "priority": rule.priority,
        "predicates": list(rule.predicates),
        "action": rule.action,
        "reason_trail": list(rule.reason_trail),
        "uuid": rule.uuid,
    }


async def _instances(api: Api, names: Collection[str]) -> list[Row]:
    known = lives(api.cluster, api.nodes)
    found = [api.cluster.instances[name] for name in api.cluster.instance_names]
    return [
        await _instance(api, each, known.of(each), "console" in names)
        async for some in in_turns(found)
        for each in some
    ]


async def _instance(api: Api, instance: Instance, life: Life, with_console: bool) -> Row:
    group = api.cluster.group_of(instance.primary_node)
    row = instances.shown(instance, api.cluster, life)
    more = {
        "pnode_offline": life in {"node-offline", "node-down"},
        "pnode.group": group.name if group else None,
        "pnode.group.uuid": group.uuid if group else None,
        "admin_state_source": instance.admin_state_source,
        "disks_active": instance.admin_state == ADMIN_UP,
        "forthcoming": instance.forthcoming,
        "hypervisor": instance.hypervisor,
        "osparams": instance.osparams,
        "custom_osparams": instance.osparams,
        "console": await _console(api, instance) if with_console and life == "on" else None,
    }
    return {**more, **row}


async def _console(api: Api, instance: Instance) -> dict[str, Any] | None:
    try:
        return await instances.console_of(api, instance)
    except OpcodeError:
        return None


async def _nodes(api: Api, names: Collection[str]) -> list[Row]:
    return [await _node(api, api.cluster.members[name]) for name in sorted(api.cluster.members)]


async def _node(api: Api, member: Member) -> Row:
    more: dict[str, Any] = {"group": member.group, "custom_ndparams": member.ndparams}
    shown = await nodes.shown(api, member)
    if shown["ndparams"]["oob_program"]:
        more["powered"] = member.powered
    if member.name == api.cluster.node_name:
        more["bootid"] = api.cluster.facts.boot_id or None
    return {**more, **shown}


async def _groups(api: Api, names: Collection[str]) -> list[Row]:
    return [_group(api, api.cluster.groups[name]) for name in sorted(api.cluster.groups)]


def _group(api: Api, group: Group) -> Row:
    placed = sorted(
        instance.name
        for member in api.cluster.members_of(group.name)
        for instance in api.cluster.on_node(member.name)
    )
    return {"pinst_list": placed, "pinst_cnt": len(placed), **groups.shown(api, group)}


async def _networks(api: Api, names: Collection[str]) -> list[Row]:
    found = [api.cluster.networks[name] for name in sorted(api.cluster.networks)]
    return [networks.shown(network, api.cluster) for network in found]


async def _jobs(api: Api, names: Collection[str]) -> list[Row]:
    jobs = await api.queue.list.jobs()
    return await deferToThread(lambda: [every_field(job) for job in jobs])


async def _exports(api: Api, names: Collection[str]) -> list[Row]:
    """A row for each export, and for a node that has none or does not answer."""
    rows: list[Row] = []
    for name, member in sorted(api.cluster.members.items()):
        node, found = api.nodes.get(name), tuple[str, ...]()
        if node is not None and node.is_reachable:
            with suppress(OpcodeError):
                found = await node.list_exports()
        common = {"node": name, "offline": member.offline}
        rows += [{**common, "export": each} for each in found or (None,)]
    return rows


async def _locks(api: Api, names: Collection[str]) -> list[Row]:
    return [_lock(state) for state in api.queue.locks()]


def _lock(state: LockState) -> Row:
    """Errands, whose numbers are negative, are no jobs that anybody could look at."""
    return {
        "name": "/".join(state.thing),
        "mode": state.mode,
        "owner": [str(job) for job in state.owners if job > 0],
        "pending": [[mode, [str(job)]] for mode, job in state.pending if job > 0],
    }


async def _filters(api: Api, names: Collection[str]) -> list[Row]:
    return [shown_rule(rule) for rule in api.queue.rules.all()]


_SOURCES: Mapping[str, Callable[[Api, Collection[str]], Awaitable[list[Row]]]] = {
    "instance": _instances,
    "node": _nodes,
    "group": _groups,
    "network": _networks,
    "job": _jobs,
    "export": _exports,
    "lock": _locks,
    "filter": _filters,
}
