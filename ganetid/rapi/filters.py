"""
/2/filters: the rules of the job queue.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from ganetid.jobs.rulebook import NoSuchRule
from ganetid.query.conditions import BadFilter
from ganetid.rapi.api import WRITERS, Api, Verb, reads
from ganetid.rapi.arguments import Call, checked_type
from ganetid.rapi.faults import Fault
from ganetid.rapi.query_rows import shown_rule

TYPES: Mapping[str, tuple[type, Any]] = {
    "priority": (int, 0),
    "predicates": (list, []),
    "reason": (list, []),
}
KEYS = frozenset({*TYPES, "action"})


def _list(api: Api, call: Call) -> Any:
    rules = api.queue.rules.all()
    if call.flag("bulk"):
        return [shown_rule(rule) for rule in rules]
    return [{"uuid": rule.uuid, "uri": f"/2/filters/{rule.uuid}"} for rule in rules]


def _show(api: Api, call: Call) -> Any:
    try:
        return shown_rule(api.queue.rules.get(call.items[0]))
    except NoSuchRule:
        raise Fault(404) from None


async def _add(api: Api, call: Call) -> Any:
    return await _put(api, None, _given(call))


async def _replace(api: Api, call: Call) -> Any:
    given = _given(call)
    try:
        uuid.UUID(call.items[0])
    except ValueError:
        raise Fault(500 if api.strict else 400, "Unable to parse UUID") from None
    return await _put(api, call.items[0], given)


async def _drop(api: Api, call: Call) -> Any:
    try:
        await api.queue.rules.drop(call.items[0])
    except NoSuchRule:
        text = f"Filter rule with UUID {call.items[0]} does not exist"
        raise Fault(500 if api.strict else 404, text) from None


def _given(call: Call) -> dict[str, Any]:
    body = call.body
    if not isinstance(body, dict):
        raise Fault(400, "Invalid body contents, not a dictionary")
    for key in body:
        if key not in KEYS:
            words = f"filter rule doesn't support the parameter '{key}'"
            raise Fault(400, f"Invalid body parameters: {words}")
    given = {"action": body.get("action", "CONTINUE")}
    for name, (kind, default) in TYPES.items():
        value = body.get(name, default)
        given[name] = checked_type(value, kind, f"'{name}' parameter")
    return given


async def _put(api: Api, rule: str | None, given: dict[str, Any]) -> str:
    wanted = {
        "priority": given["priority"],
        "predicates": given["predicates"],
        "action": given["action"],
        "reason_trail": given["reason"],
    }
    try:
        return await api.queue.rules.put(rule, wanted)
    except BadFilter as error:
        told = json.dumps([rule, *wanted.values()]) if api.strict else "..."
        text = f"Failed to parse request: Cannot convert value '{told}', error: {error}"
        raise Fault(502 if api.strict else 400, text) from error


ONE = "/2/filters/{name}"
RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/filters": {"GET": reads(_list), "POST": Verb(_add, WRITERS)},
    ONE: {
        "GET": reads(_show),
        "PUT": Verb(_replace, WRITERS),
        "DELETE": Verb(_drop, WRITERS),
    },
}
