"""
Shelving.
"""

from __future__ import annotations

from synnefo_tx.compute.api.action import ActionOf, Asked, bare, simple
from synnefo_tx.compute.rows import shelving
from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.errors import Forbidden
from synnefo_tx.http.microversions import Version
from synnefo_tx.http.reply import Reply, empty_reply

_TO_HOST = "os_compute_api:os-shelve:unshelve_to_host"
_277 = NovaSchema(
    p.envelope("unshelve", {"availability_zone": p.NAME}, ("availability_zone",), or_null=True)
)
_291 = NovaSchema(
    p.envelope(
        "unshelve",
        {"availability_zone": {"type": ["string", "null"]}, "host": {"type": "string"}},
        or_null=True,
    )
)


def _schema(version: Version) -> NovaSchema:
    if version < (2, 77):
        return bare("unshelve")(version)
    return _291 if version >= (2, 91) else _277


async def _unshelve(asked: Asked) -> Reply:
    wanted = (asked.value or {}) if asked.call.version >= (2, 77) else {}
    host = wanted.get("host")
    if host is not None and not asked.call.token.is_admin:
        raise Forbidden(f"Policy doesn't allow {_TO_HOST} to be performed.")
    await asked.wish(shelving.unshelve, wanted.get("availability_zone"), host)
    return empty_reply(202)


ACTIONS = {
    "shelve": simple("shelve", "os-shelve:shelve", shelving.shelve),
    "shelveOffload": simple("shelveOffload", "os-shelve:shelve_offload", shelving.offload),
    "unshelve": ActionOf(policy="os-shelve:unshelve", schema=_schema, answer=_unshelve),
}
