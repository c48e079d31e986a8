"""
All resources of the remote API: path, then verb, then what answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from ganetid.rapi import (
    cluster,
    events,
    filters,
    groups,
    instance_actions,
    instances,
    jobs,
    networks,
    node_actions,
    nodes,
    placement,
    query,
    tags,
    watching,
    webhooks,
    wiring,
)
from ganetid.rapi.answers import Encoded
from ganetid.rapi.api import Api, Verb, reads
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault
from ganetid.rapi.openapi import document
from ganetid.rapi.rights import permission_of

PLACEHOLDERS = {"{name}": r"([\w._-]+)", "{nic}": r"([\w._-]+)", "{id}": r"([0-9]{1,18})"}

FAMILIES: tuple[Mapping[str, Mapping[str, Verb]], ...] = (
    cluster.RESOURCES,
    instances.RESOURCES,
    instance_actions.RESOURCES,
    nodes.RESOURCES,
    node_actions.RESOURCES,
    groups.RESOURCES,
    networks.RESOURCES,
    wiring.RESOURCES,
    tags.RESOURCES,
    jobs.RESOURCES,
    filters.RESOURCES,
    query.RESOURCES,
    events.RESOURCES,
    webhooks.RESOURCES,
    watching.RESOURCES,
    placement.RESOURCES,
)


def _described(api: Api, call: Call) -> Encoded:
    """All of this, for programs."""
    body = api.kept.encoded(
        "/openapi.json", (api.opcodes,), lambda: document(RESOURCES, api.opcodes)
    )
    return Encoded(body)


def _merged() -> dict[str, dict[str, Verb]]:
    """All verbs of a path together, whatever family they are of."""
    merged: dict[str, dict[str, Verb]] = {"/openapi.json": {"GET": reads(_described)}}
    for family in FAMILIES:
        for path, verbs in family.items():
            merged.setdefault(path, {}).update(verbs)
    return merged


RESOURCES: Mapping[str, Mapping[str, Verb]] = _merged()


@frozen
class Match:
    """
    A verb, and the variable parts of the path it was found by.

    path: as in the table.  permission: what its user has to be permitted.
    """

    verb: Verb
    items: tuple[str, ...]
    path: str
    permission: str


def _compiled(path: str) -> re.Pattern[str]:
    pattern = re.escape(path)
    for placeholder, group in PLACEHOLDERS.items():
        pattern = pattern.replace(re.escape(placeholder), group)
    return re.compile(pattern, re.ASCII)


_PLAIN = {path: verbs for path, verbs in RESOURCES.items() if "{" not in path}
_PATTERNS = [
    (path, path.count("/"), _compiled(path), verbs)
    for path, verbs in RESOURCES.items()
    if "{" in path
]
_PERMISSIONS = {
    (method, path): permission_of(method, path)
    for path, verbs in RESOURCES.items()
    for method in verbs
}


def match(method: str, path: str) -> Match:
    """What answers.  Raises Fault 404 for an unknown path and 501 for an unknown method."""
    template, verbs, items = _found(path)
    if method not in verbs:
        raise Fault(501, f"Method {method} is unsupported for path {path}")
    return Match(verbs[method], items, template, _PERMISSIONS[method, template])


def _found(path: str) -> tuple[str, Mapping[str, Verb], tuple[str, ...]]:
    verbs = _PLAIN.get(path)
    if verbs is not None:
        return path, verbs, ()
    depth = path.count("/")
    for template, parts, pattern, some in _PATTERNS:
        found = pattern.fullmatch(path) if parts == depth else None
        if found is not None:
            return template, some, found.groups()
    raise Fault(404)
