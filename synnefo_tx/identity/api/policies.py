"""
/v3/policies: documents that other services once read.  Nothing of ours does.
"""

from __future__ import annotations

from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.api.resource import Resource, add_resource, anywhere
from synnefo_tx.identity.api.schemas import body_schema
from synnefo_tx.identity.rows.kinds import POLICY
from synnefo_tx.identity.views.attachments import policy_view

_FIELDS = {
    "blob": {"type": ["object", "string"]},
    "type": {"type": "string", "maxLength": 255},
}
POLICIES = Resource(
    kind=POLICY,
    create=Body(body_schema(_FIELDS, required=("blob", "type")), keystone_wording),
    update=Body(body_schema(_FIELDS, at_least_one=True), keystone_wording),
    filters={"type": "type"},
    view=policy_view,
    target=anywhere,
)


def add_routes(router: Router, context: Context) -> None:
    add_resource(router, context, POLICIES)
