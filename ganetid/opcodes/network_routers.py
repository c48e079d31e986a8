"""
OP_ROUTER_ADD, OP_ROUTER_SET_PARAMS, OP_ROUTER_MIGRATE, OP_ROUTER_REMOVE: routers between networks.

A router is on one node; see docs/adr/0019-routers.md.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ganetid.cluster.model import DropRouter, PutRouter
from ganetid.cluster.wiring import HostRoute, Router, RouterInterface
from ganetid.jobs.locks import Lock
from ganetid.network.from_cluster import router_of
from ganetid.network.ports import FloatingAddress, PortForward, RouterPlan
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    REQUIRED,
    ROUTER,
    Field,
    Input,
    Opcode,
    Outcome,
    optional,
    text,
)
from ganetid.opcodes.errors import (
    ALREADY_EXISTS,
    NO_RESOURCES,
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    WRONG_STATE,
    OpcodeError,
    OpPrereqError,
)
from ganetid.opcodes.fields import boolean, list_of, list_of_text
from ganetid.opcodes.groups import group_named
from ganetid.opcodes.instance_parameters import NAME
from ganetid.opcodes.router_checks import check_router
from ganetid.opcodes.typed_body import new_value, object_kind, wrong

CHANGING = ("interfaces", "external", "snat", "floating_ips", "port_forwardings", "routes")
NOTHING: Mapping[str, Any] = {}  # an external of no network: the router has no way out


async def add(context: Context, given: Input) -> Outcome:
    """Make a router on a node; nothing is left of one that can't be made."""
    name, now = given["router_name"], context.now()
    if not NAME.fullmatch(name):
        raise OpPrereqError(f"Invalid router name '{name}'", WRONG_INPUT)
    if name in context.cluster.routers:
        raise OpPrereqError(f"Router '{name}' already exists", ALREADY_EXISTS)
    group = _group(context, given)
    number = str(context.made.get("uuid") or uuid.uuid4())
    bare = Router(name, number, now, now, group, "", tags=tuple(sorted(set(given["tags"]))))
    router = _with(bare, given, context)
    router = evolve(router, node=_node(context, group, given["node_name"]))
    if given["dry_run"]:
        return Outcome()
    await context.note({"uuid": number})
    await _put(context, router)
    return Outcome(router.node, (PutRouter(router),))


async def set_params(context: Context, given: Input) -> Outcome:
    """Replace what is given, at once; on failure the router is as it was."""
    router = found(context, given)
    if all(given[name] is None for name in CHANGING):
        raise OpPrereqError("No changes submitted", WRONG_INPUT)
    newer = _with(router, given, context)
    newer = evolve(newer, mtime=context.now(), serial_no=router.serial_no + 1)
    if given["dry_run"]:
        return Outcome()
    await _put(context, newer)
    return Outcome(None, (PutRouter(newer),))


async def migrate(context: Context, given: Input) -> Outcome:
    """Have it on another node; the one where it was is asked to drop it, if it is there."""
    router = found(context, given)
    target = _node(context, router.group, given["target_node"], router.node)
    if given["dry_run"]:
        return Outcome(target)
    if context.nodes.is_up(router.node) and router.node != target:
        await context.nodes.named(router.node).drop_router(router.name)
    moved = evolve(router, node=target, mtime=context.now(), serial_no=router.serial_no + 1)
    try:
        await _put(context, moved)
    except OpcodeError:
        if context.nodes.is_up(router.node):
            await _put(context, router)
        raise
    return Outcome(target, (PutRouter(moved),))


async def remove(context: Context, given: Input) -> Outcome:
    """Remove it from its node; one that is away removes it when it comes back."""
    router = found(context, given)
    if given["dry_run"]:
        return Outcome()
    if context.nodes.is_up(router.node):
        await context.nodes.named(router.node).drop_router(router.name)
    return Outcome(None, (DropRouter(router.name),))


def found(context: Context, given: Input) -> Router:
    """The router that is meant.  Raises OpPrereqError."""
    router = context.cluster.routers.get(given["router_name"])
    if router is None:
        raise OpPrereqError(f"Router '{given['router_name']}' not found", UNKNOWN_ENTITY)
    return router


async def _put(context: Context, router: Router) -> None:
    plan: RouterPlan = router_of(router, context.cluster.networks)
    await context.nodes.named(router.node).put_router(plan)


def _with(router: Router, given: Input, context: Context) -> Router:
    """The router with what is given, checked."""
    fields: dict[str, Any] = {}
    for name, kind in (
        ("interfaces", RouterInterface),
        ("floating_ips", FloatingAddress),
        ("port_forwardings", PortForward),
        ("routes", HostRoute),
    ):
        if given[name] is not None:
            values = enumerate(given[name])
            fields[name] = tuple(new_value(kind, each, f"{name}[{i}]") for i, each in values)
    if given["external"] is not None:
        wanted = given["external"]
        fields["external"] = (
            None if wanted == NOTHING else new_value(RouterInterface, wanted, "external")
        )
    if given["snat"] is not None:
        fields["snat"] = given["snat"]
    return check_router(evolve(router, **fields), router, context.cluster)


def _group(context: Context, given: Input) -> str:
    if given["group_name"] is not None:
        return group_named(context.cluster, given["group_name"]).name
    if given["node_name"] is not None and given["node_name"] in context.cluster.members:
        return context.cluster.members[given["node_name"]].group
    if len(context.cluster.groups) == 1:
        return next(iter(context.cluster.groups))
    raise wrong("group_name", "is missing: there are several node groups")


def _node(context: Context, group: str, wanted: str | None, not_on: str = "") -> str:
    """The node that is asked for, else the one of the group that has the fewest routers."""
    members = context.cluster.members_of(group)
    if wanted is not None:
        if wanted not in {each.name for each in members}:
            raise OpPrereqError(f"Node '{wanted}' is not in group '{group}'", WRONG_INPUT)
        if not context.nodes.is_up(wanted):
            raise OpPrereqError(f"Node '{wanted}' can't be reached", WRONG_STATE)
        return wanted
    routers = [each.node for each in context.cluster.routers.values()]
    usable = [
        (routers.count(each.name), each.name)
        for each in members
        if each.takes_instances and context.nodes.is_up(each.name) and each.name != not_on
    ]
    if not usable:
        raise OpPrereqError(f"No node of group '{group}' can have a router", NO_RESOURCES)
    return min(usable)[1]


def _alone(given: Input) -> tuple[Lock, ...]:
    """The router, and the networks that it takes addresses of."""
    places = [*(given.get("interfaces") or ()), given.get("external") or {}]
    names = {each.get("network") for each in places if isinstance(each.get("network"), str)}
    networks = (Lock("network", str(each)) for each in sorted(names))
    return (Lock("router", str(given["router_name"])), *networks)


def _opcode(op_id: str, run: Any, *fields: Field) -> Opcode:
    named = Field("router_name", text, REQUIRED)
    return Opcode(op_id, (named, *fields), run, run, _alone, "router_name",
                  (ROUTER, "router_name"), renamed={"name": "router_name"})  # fmt: skip


PARTS = (
    Field("interfaces", optional(list_of(object_kind(RouterInterface)))),
    Field("external", optional(object_kind(RouterInterface))),
    Field("snat", optional(boolean)),
    Field("floating_ips", optional(list_of(object_kind(FloatingAddress)))),
    Field("port_forwardings", optional(list_of(object_kind(PortForward)))),
    Field("routes", optional(list_of(object_kind(HostRoute)))),
)
OPCODES = (
    _opcode(
        "OP_ROUTER_ADD",
        add,
        *PARTS,
        Field("group_name", optional(text)),
        Field("node_name", optional(text)),
        Field("tags", list_of_text, []),
    ),
    _opcode("OP_ROUTER_SET_PARAMS", set_params, *PARTS),
    _opcode("OP_ROUTER_MIGRATE", migrate, Field("target_node", optional(text))),
    _opcode("OP_ROUTER_REMOVE", remove),
)
