"""
/2/query: Ganeti's query language.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twisted.internet.threads import deferToThread

from ganetid.query.conditions import BadFilter, UnfitFilter, compiled, names_in
from ganetid.query.evaluation import TABLES, answered, fields_of
from ganetid.rapi.api import READERS, Api, Verb, reads
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault
from ganetid.rapi.query_rows import ApiRows

LARGE = 500  # rows whose evaluation would keep others waiting
ONLY_BY_OPCODE = {"os": "ItemTypeOpCode QROs", "cluster": "ItemTypeOpCode QRCluster",
                  "extstorage": "ItemTypeOpCode QRExtstorage"}  # fmt: skip


async def _get(api: Api, call: Call) -> Any:
    return await _answered(api, call, _names_in_url(call), None)


async def _put(api: Api, call: Call) -> Any:
    body = call.mapping
    names = body.get("fields")
    if call.word("fields") is not None:
        names = _names_in_url(call)
    elif names is None:
        raise Fault(400, "Missing 'fields' query argument")
    condition = body["filter"] if "filter" in body else body.get("qfilter")
    return await _answered(api, call, names, condition)


def _names_in_url(call: Call) -> list[str]:
    given = call.word("fields")
    if given is None:
        raise Fault(400, "Missing 'fields' query argument")
    return [name.strip(" \t") for name in given.split(",")]


async def _answered(api: Api, call: Call, names: Any, condition: Any) -> Any:
    resource = call.items[0]
    try:
        query = json.dumps([resource, names, condition])
        json.dumps(names, ensure_ascii=False).encode()
    except (RecursionError, UnicodeEncodeError):
        raise Fault(400, "Unable to parse the query") from None
    _check_resource(api, resource, query)
    if not isinstance(names, list):
        raise _unparsable(api, query, "Unable to read list")
    if not all(isinstance(name, str) for name in names):
        raise _unparsable(api, query, "Unable to read String")
    try:
        compiled(condition)
        wanted = {*names, *names_in(condition)}
        rows = await ApiRows(api).of(resource, wanted)
        if len(rows) > LARGE:
            return await deferToThread(answered, resource, names, condition, rows)
        return answered(resource, names, condition, rows)
    except BadFilter as error:
        raise _unparsable(api, query, str(error)) from error
    except UnfitFilter as error:
        raise Fault(500 if api.strict else 400, str(error)) from error


def _fields(api: Api, call: Call) -> Any:
    names = None if call.word("fields") is None else _names_in_url(call)
    _check_resource(api, call.items[0], json.dumps([call.items[0], names]))
    return {"fields": [field.shown() for field in fields_of(call.items[0], names)]}


def _check_resource(api: Api, resource: str, query: str) -> None:
    """Raises Fault: 404, or what Ganeti says of a resource that it does not know."""
    if resource in TABLES:
        return
    if not api.strict:
        raise Fault(404)
    if resource in ONLY_BY_OPCODE:
        raise Fault(500, f"Query '{ONLY_BY_OPCODE[resource]}' not supported")
    words = f"Can't parse value '{resource}' as neitherQueryTypeLuxi nor QueryTypeOp"
    raise _unparsable(api, query, words)


def _unparsable(api: Api, query: str, words: str) -> Fault:
    text = f"Failed to parse request: Cannot convert value '{query}', error: {words}"
    return Fault(502 if api.strict else 400, text)


RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/query/{name}": {"GET": Verb(_get, READERS), "PUT": Verb(_put, READERS)},
    "/2/query/{name}/fields": {"GET": reads(_fields)},
}
