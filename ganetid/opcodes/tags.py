"""
OP_TAGS_SET, OP_TAGS_DEL: of the cluster, an instance, a network, a node or a group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import (
    Change,
    PutFacts,
    PutGroup,
    PutInstance,
    PutMember,
    PutNetwork,
)
from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    REQUIRED,
    Field,
    Input,
    Opcode,
    Outcome,
    list_of,
    one_of,
    optional,
    string,
    text,
)
from ganetid.opcodes.errors import UNKNOWN_ENTITY, OpExecError, OpPrereqError, TagError

TAG = re.compile(r"[\w.+*/:@-]+", re.ASCII)
MAX_LENGTH = 128
MAX_TAGS = 4096


async def set_tags(context: Context, given: Input) -> Outcome:
    """Add tags; those already there stay."""
    for tag in given["tags"]:
        _check(tag)
    tags = tags_of(context.cluster, given["kind"], given["name"])
    wanted = tuple(sorted({*tags, *given["tags"]}))
    if len(wanted) > MAX_TAGS:
        raise OpExecError("Error while setting tag: Too many tags")
    return _outcome(context, given, wanted)


async def delete_tags(context: Context, given: Input) -> Outcome:
    """Remove tags; each must be there."""
    tags = tags_of(context.cluster, given["kind"], given["name"])
    missing = sorted(set(given["tags"]) - set(tags))
    if missing:
        names = ", ".join(f"'{tag}'" for tag in missing)
        raise OpPrereqError(f"Tag(s) {names} not found", UNKNOWN_ENTITY)
    return _outcome(context, given, tuple(sorted(set(tags) - set(given["tags"]))))


def tags_of(cluster: Configuration, kind: str, name: str | None) -> tuple[str, ...]:
    """The tags of an object.  Raises OpPrereqError when there is no such object."""
    if kind == "cluster":
        return cluster.facts.tags
    thing = _things(cluster, kind).get(name or "")
    if thing is None:
        raise OpPrereqError(UNKNOWN[kind].format(name), UNKNOWN_ENTITY)
    tags: tuple[str, ...] = thing.tags
    return tags


def _check(tag: str) -> None:
    """Raises TagError."""
    if not tag:
        raise TagError("Tags cannot be empty")
    if len(tag) > MAX_LENGTH:
        raise TagError(f"Tag too long (>{MAX_LENGTH} characters)")
    if not TAG.fullmatch(tag):
        raise TagError("Tag contains invalid characters")


def _outcome(context: Context, given: Input, tags: tuple[str, ...]) -> Outcome:
    if given["dry_run"]:
        return Outcome()
    cluster, kind = context.cluster, given["kind"]
    thing = cluster.facts if kind == "cluster" else _things(cluster, kind)[given["name"]]
    newer = evolve(thing, tags=tags, mtime=context.now(), serial_no=thing.serial_no + 1)
    return Outcome(None, (CHANGES[kind](newer),))


def _things(cluster: Configuration, kind: str) -> Mapping[str, Any]:
    tables: dict[str, Mapping[str, Any]] = {
        "instance": cluster.instances,
        "network": cluster.networks,
        "node": cluster.members,
        "nodegroup": cluster.groups,
    }
    return tables[kind]


def _locks(given: Input) -> tuple[Lock, ...]:
    return (Lock(given["kind"], str(given["name"] or "")),)


CHANGES: Mapping[str, Callable[[Any], Change]] = {
    "cluster": PutFacts,
    "instance": PutInstance,
    "network": PutNetwork,
    "node": PutMember,
    "nodegroup": PutGroup,
}

UNKNOWN: Mapping[str, str] = {
    "instance": "Instance '{}' not known",
    "network": "Network '{}' not found",
    "node": "Node '{}' not known",
    "nodegroup": "Node group '{}' not found",
}

FIELDS = (
    Field("kind", one_of(*CHANGES), REQUIRED),
    Field("tags", list_of(string), REQUIRED),
    Field("name", optional(text)),
)

OPCODES = (
    Opcode("OP_TAGS_SET", FIELDS, set_tags, set_tags, _locks),
    Opcode("OP_TAGS_DEL", FIELDS, delete_tags, delete_tags, _locks),
)
