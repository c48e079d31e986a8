"""
OP_TAGS_SET, OP_TAGS_DEL: of the cluster, an instance or a network.
"""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Change, PutFacts, PutInstance, PutNetwork
from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    REQUIRED,
    Field,
    Input,
    Opcode,
    Outcome,
    list_of_text,
    one_of,
    optional,
    text,
)
from ganetid.opcodes.errors import UNKNOWN_ENTITY, WRONG_INPUT, OpPrereqError

TAG = re.compile(r"[\w.+*/:@-]{1,128}", re.ASCII)
MAX_TAGS = 4096


async def set_tags(context: Context, given: Input) -> Outcome:
    """Add tags; those already there stay."""
    for tag in given["tags"]:
        if not TAG.fullmatch(tag):
            raise OpPrereqError(f"Tag '{tag}' is not valid", WRONG_INPUT)
    tags = tags_of(context.cluster, given["kind"], given["name"])
    wanted = tuple(sorted({*tags, *given["tags"]}))
    if len(wanted) > MAX_TAGS:
        raise OpPrereqError(f"Too many tags, at most {MAX_TAGS} are possible", WRONG_INPUT)
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
    thing: Any = None
    if kind == "instance":
        thing = cluster.instances.get(name or "")
    elif kind == "network":
        thing = cluster.networks.get(name or "")
    if thing is None:
        raise OpPrereqError(f"{kind.capitalize()} '{name}' not known", UNKNOWN_ENTITY)
    tags: tuple[str, ...] = thing.tags
    return tags


def _outcome(context: Context, given: Input, tags: tuple[str, ...]) -> Outcome:
    if given["dry_run"]:
        return Outcome()
    cluster, name = context.cluster, given["name"]
    change: Change
    if given["kind"] == "cluster":
        change = PutFacts(evolve(cluster.facts, tags=tags))
    elif given["kind"] == "instance":
        instance = cluster.instances[name]
        change = PutInstance(evolve(instance, tags=tags, serial_no=instance.serial_no + 1))
    else:
        network = cluster.networks[name]
        change = PutNetwork(evolve(network, tags=tags, serial_no=network.serial_no + 1))
    return Outcome(None, (change,))


def _locks(given: Input) -> tuple[Lock, ...]:
    return (Lock(given["kind"], str(given["name"] or "")),)


FIELDS = (
    Field("kind", one_of("cluster", "instance", "network"), REQUIRED),
    Field("tags", list_of_text, REQUIRED),
    Field("name", optional(text)),
)

OPCODES = (
    Opcode("OP_TAGS_SET", FIELDS, set_tags, set_tags, _locks),
    Opcode("OP_TAGS_DEL", FIELDS, delete_tags, delete_tags, _locks),
)
