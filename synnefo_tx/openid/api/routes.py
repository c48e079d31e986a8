"""
Our own OpenID Connect provider: people log in to other web applications with their account here.
"""

from __future__ import annotations

from synnefo_tx.audit.gathered import GatheredLines
from synnefo_tx.http.router import Router
from synnefo_tx.http.streaming import USUAL_BODY_BYTES
from synnefo_tx.identity.api.context import Context as Identity
from synnefo_tx.identity.permissions import Permissions
from synnefo_tx.openid.api import (
    authorize,
    client_calls,
    clients,
    consents,
    metadata,
    userinfo,
)
from synnefo_tx.openid.api.context import Context
from synnefo_tx.openid.api.dialect import OPENID
from synnefo_tx.openid.permissions import PERMISSIONS
from synnefo_tx.openid.signing import MakeKey, Signer, new_key

_RESOURCES = (metadata, authorize, client_calls, userinfo, clients, consents)


def openid_router(
    identity: Identity, public_url: str | None = None, make_key: MakeKey = new_key
) -> Router:
    """
    The router to mount at /openid; its URL is the issuer.  make_key: of those that sign.
    """
    router = Router(
        prefix="openid",
        dialect=OPENID,
        authenticate=identity.authenticator,
        permitted=Permissions(PERMISSIONS),
        public_url=public_url,
        largest_body=USUAL_BODY_BYTES,
    )
    signer = Signer(identity.database, identity.secrets, identity.clock, make_key)
    context = Context(identity, signer, GatheredLines(identity.database))
    for resource in _RESOURCES:
        resource.add_routes(router, context)
    return router
