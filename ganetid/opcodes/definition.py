"""
What an opcode is: its fields, its locks, what it does and what it does after a crash.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import field, frozen

from ganetid.cluster.model import Change
from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.errors import WRONG_INPUT, BadParameters
from ganetid.opcodes.fields import (
    Check,
    anything,
    boolean,
    either,
    integer,
    list_of,
    list_of_dicts,
    list_of_text,
    mapping,
    not_negative,
    one_of,
    optional,
    string,
    text,
    tuple_of,
)

__all__ = [
    "INSTANCE",
    "NETWORK",
    "REQUIRED",
    "ROUTER",
    "SECURITY_GROUP",
    "Check",
    "Field",
    "Input",
    "Opcode",
    "Outcome",
    "Perform",
    "anything",
    "boolean",
    "either",
    "filled_input",
    "integer",
    "list_of",
    "list_of_dicts",
    "list_of_text",
    "mapping",
    "not_negative",
    "one_of",
    "optional",
    "parted",
    "string",
    "text",
    "tuple_of",
]

Input = Mapping[str, Any]

INSTANCE = "instance"
NETWORK = "network"
SECURITY_GROUP = "security_group"
ROUTER = "router"
CENSORED = "<redacted>"
SECRET_FIELDS = ("osparams_private", "osparams_secret")
OF_SYSTEMS = "osparams_private_cluster"
SECRET_WORDS = ("password",)
NESTED = "instances"  # parameters of other opcodes, with secrets of their own


@frozen
class Field:
    """A parameter: its default (REQUIRED when it must be given) and what values it takes."""

    name: str
    check: Check
    default: Any = None


REQUIRED: Any = object()


@frozen
class Outcome:
    """How an opcode ended well: its result, and what becomes durable together with it."""

    result: Any = None
    changes: tuple[Change, ...] = ()


Perform = Callable[[Context, Input], Awaitable[Outcome]]


@frozen
class Opcode:
    """
    An opcode.

    described_by: the field that a job's summary shows.
    subject: (kind, field) of the object whose news this is; None: no news are published.
    run: does it.  recover: is called instead for an opcode that was running when ganetid died; it
    inspects what is there first.
    spoilt_by_hooks: its result is false when a post hook fails.
    tells_hooks: its pre hooks run when it says so, by Context.before; else before it.
    """

    op_id: str
    fields: tuple[Field, ...]
    run: Perform
    recover: Perform
    locks: Callable[[Input], tuple[Lock, ...]]
    described_by: str | None = None
    subject: tuple[str, str] | None = None
    renamed: Mapping[str, str] = field(factory=dict)
    tells_hooks: bool = False
    spoilt_by_hooks: bool = False

    @property
    def class_name(self) -> str:
        """Ganeti's class of it: OpInstanceCreate."""
        return "".join(word.capitalize() for word in self.op_id.split("_"))


COMMON = (
    Field("dry_run", optional(boolean)),
    Field("debug_level", not_negative, 0),
    Field("priority", one_of(-10, 0, 10), 0),
    Field("depends", optional(list_of(tuple_of(integer, list_of_text)))),
    Field("comment", optional(string)),
    Field("reason", lambda value: isinstance(value, list), []),
)


def filled_input(opcode: Opcode, given: Mapping[str, Any]) -> dict[str, Any]:
    """
    The opcode's parameters with defaults, as a job shows them.

    Raises BadParameters in Ganeti's words: for an unknown key first, then for a bad value.
    """
    fields = (*opcode.fields, *COMMON)
    known = {each.name for each in fields}
    for key in given:
        if key not in known:
            raise BadParameters(f"Object {opcode.class_name} doesn't support the parameter '{key}'")
    complete: dict[str, Any] = {"OP_ID": opcode.op_id}
    for each in fields:
        value = given.get(each.name, each.default)
        if value is REQUIRED or not each.check(value):
            words = f"Parameter '{opcode.op_id}.{each.name}' fails validation"
            raise BadParameters(str((words, WRONG_INPUT)))
        complete[each.name] = copy.deepcopy(value)
    return complete


def told(complete: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as Ganeti tells them: without those that have no value, but for two."""
    return {
        name: value
        for name, value in complete.items()
        if value is not None or name in {"comment", "depends"}
    }


def parted(complete: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the parameters with private ones censored, the private ones)."""
    shown = dict(complete)
    private: dict[str, Any] = {}
    for name in SECRET_FIELDS:
        if shown.get(name):
            private[name] = shown[name]
            shown[name] = dict.fromkeys(shown[name], CENSORED)
    for name in SECRET_WORDS:
        if name in shown:
            private[name], shown[name] = shown[name], CENSORED
    by_system = shown.get(OF_SYSTEMS)
    if by_system:
        private[OF_SYSTEMS] = by_system
        shown[OF_SYSTEMS] = {
            name: dict.fromkeys(params, CENSORED) for name, params in by_system.items()
        }
    nested = shown.get(NESTED)
    if isinstance(nested, list) and all(isinstance(each, dict) for each in nested):
        pairs = [parted(each) for each in nested]
        if any(hidden for _, hidden in pairs):
            private[NESTED] = nested
            shown[NESTED] = [each for each, _ in pairs]
    return shown, private
