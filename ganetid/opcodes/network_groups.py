"""
OP_SECURITY_GROUP_ADD, OP_SECURITY_GROUP_SET_PARAMS, OP_SECURITY_GROUP_REMOVE: rules of many NICs.

Nodes hear of changes as of members' addresses: from the configuration (`ganetid.network.sharing`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ganetid.cluster.model import DropSecurityGroup, PutSecurityGroup
from ganetid.cluster.wiring import SecurityGroup
from ganetid.jobs.locks import Lock
from ganetid.network.ports import SecurityRule
from ganetid.network.rules.filters import match_of
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    REQUIRED,
    SECURITY_GROUP,
    Field,
    Input,
    Opcode,
    Outcome,
    optional,
    text,
)
from ganetid.opcodes.errors import (
    ALREADY_EXISTS,
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    WRONG_STATE,
    OpPrereqError,
)
from ganetid.opcodes.fields import Kind, list_of, list_of_text
from ganetid.opcodes.instance_parameters import NAME
from ganetid.opcodes.network_port import check_cidr, check_cidrs
from ganetid.opcodes.typed_body import new_value, object_kind, wrong

MOST_RULES = 1000
DIRECTIONS, ETHERTYPES = ("in", "out"), ("ipv4", "ipv6")


async def add(context: Context, given: Input) -> Outcome:
    """Enter a group."""
    name, now = given["group_name"], context.now()
    if not NAME.fullmatch(name):
        raise OpPrereqError(f"Invalid security group name '{name}'", WRONG_INPUT)
    if name in context.cluster.security_groups:
        raise OpPrereqError(f"Security group '{name}' already exists", ALREADY_EXISTS)
    bare = SecurityGroup(name, str(uuid.uuid4()), ctime=now, mtime=now)
    group = _with(bare, given, context)
    group = evolve(group, tags=tuple(sorted(set(given["tags"]))))
    return Outcome() if given["dry_run"] else Outcome(None, (PutSecurityGroup(group),))


async def set_params(context: Context, given: Input) -> Outcome:
    """Replace what is given."""
    group = found(context, given)
    if given["rules"] is None and given["addresses"] is None:
        raise OpPrereqError("No changes submitted", WRONG_INPUT)
    newer = _with(group, given, context)
    newer = evolve(newer, mtime=context.now(), serial_no=group.serial_no + 1)
    return Outcome() if given["dry_run"] else Outcome(None, (PutSecurityGroup(newer),))


async def remove(context: Context, given: Input) -> Outcome:
    """Take a group out; refused while NICs are in it or rules of others name it."""
    group = found(context, given)
    cluster = context.cluster
    users = sorted(
        instance.name
        for instance in cluster.everyone().values()
        if any(group.name in (nic.port.security_groups or ()) for nic in instance.nics)
    )
    users += [
        f"security group {other.name}"
        for other in cluster.security_groups.values()
        if other.name != group.name and any(r.remote_group == group.name for r in other.rules)
    ]
    if users:
        problem = f"Security group '{group.name}' is in use by: {', '.join(users)}"
        raise OpPrereqError(problem, WRONG_STATE)
    return Outcome() if given["dry_run"] else Outcome(None, (DropSecurityGroup(group.name),))


def found(context: Context, given: Input) -> SecurityGroup:
    """The group that is meant.  Raises OpPrereqError."""
    name = given["group_name"]
    group = context.cluster.security_groups.get(name)
    if group is None:
        raise OpPrereqError(f"Security group '{name}' not found", UNKNOWN_ENTITY)
    return group


def _with(group: SecurityGroup, given: Input, context: Context) -> SecurityGroup:
    if given["rules"] is not None:
        known = {*context.cluster.security_groups, group.name}
        group = evolve(group, rules=rules_from(given["rules"], known))
    if given["addresses"] is not None:
        check_cidrs(given["addresses"], "addresses")
        group = evolve(group, addresses=tuple(given["addresses"]))
    return group


def rules_from(given: list[Mapping[str, Any]], groups: set[str]) -> tuple[SecurityRule, ...]:
    """The rules that are asked for.  groups: that they may name.  Raises OpPrereqError."""
    if len(given) > MOST_RULES:
        raise wrong("rules", f"at most {MOST_RULES} are possible")
    rules = [new_value(SecurityRule, each, f"rules[{i}]") for i, each in enumerate(given)]
    for index, rule in enumerate(rules):
        _check(rule, f"rules[{index}]", groups)
    return tuple(dict.fromkeys(rules))


def _check(rule: SecurityRule, where: str, groups: set[str]) -> None:
    for name, allowed in (("direction", DIRECTIONS), ("ethertype", ETHERTYPES)):
        if getattr(rule, name) not in allowed:
            problem = f"'{getattr(rule, name)}' is none of {', '.join(allowed)}"
            raise wrong(f"{where}.{name}", problem)
    if rule.remote is not None and check_cidr(rule.remote, f"{where}.remote") != int(
        rule.ethertype[-1]
    ):
        raise wrong(f"{where}.remote", f"'{rule.remote}' is not {rule.ethertype}")
    if rule.remote_group is not None and rule.remote is not None:
        raise wrong(f"{where}.remote_group", "remote is given too")
    if rule.remote_group is not None and rule.remote_group not in groups:
        raise wrong(f"{where}.remote_group", f"Security group '{rule.remote_group}' not found")
    try:
        match_of(evolve(rule, port_min=None, port_max=None))
    except ValueError as error:
        raise wrong(f"{where}.protocol", str(error)) from None
    if rule.port_max is not None and rule.port_min is None:
        raise wrong(f"{where}.port_min", "is missing")
    try:
        match_of(rule)
    except ValueError as error:
        raise wrong(f"{where}.port_min", str(error)) from None


def _alone(given: Input) -> tuple[Lock, ...]:
    return (Lock("securitygroup", str(given["group_name"])),)


def _opcode(op_id: str, run: Any, *fields: Field) -> Opcode:
    named = Field("group_name", text, REQUIRED)
    return Opcode(op_id, (named, *fields), run, run, _alone, "group_name",
                  (SECURITY_GROUP, "group_name"), renamed={"name": "group_name"})  # fmt: skip


RULES: Kind = list_of(object_kind(SecurityRule))
OPCODES = (
    _opcode(
        "OP_SECURITY_GROUP_ADD",
        add,
        Field("rules", RULES, []),
        Field("addresses", list_of_text, []),
        Field("tags", list_of_text, []),
    ),
    _opcode(
        "OP_SECURITY_GROUP_SET_PARAMS",
        set_params,
        Field("rules", optional(RULES)),
        Field("addresses", optional(list_of_text)),
    ),
    _opcode("OP_SECURITY_GROUP_REMOVE", remove),
)
