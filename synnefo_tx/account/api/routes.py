"""
The account API: Synnefo's Astakos v1.0, beside Keystone's.
"""

from __future__ import annotations

from collections.abc import Callable

from synnefo_tx.account.api import (
    commissions,
    memberships,
    myaccount,
    projects,
    quotas,
    resources,
    tokens,
    user_catalogs,
)
from synnefo_tx.account.api.context import Context
from synnefo_tx.account.notices import INotifier, Silence
from synnefo_tx.account.permissions import PERMISSIONS
from synnefo_tx.http.astakos_dialect import ASTAKOS
from synnefo_tx.http.router import Authenticate, Router
from synnefo_tx.http.streaming import USUAL_BODY_BYTES
from synnefo_tx.identity.permissions import Permissions
from synnefo_tx.store.database import Database

_RESOURCES = (quotas, resources, commissions, memberships, projects, user_catalogs, myaccount)


def account_router(
    database: Database,
    authenticate: Authenticate,
    clock: Callable[[], float],
    public_url: str | None = None,
    notifier: INotifier | None = None,
    horizon_s: int = 86400,
    look_again: Callable[[], object] = lambda: None,
    add_further: Callable[[Router], None] = lambda _: None,
    services: tokens.Services | None = None,
) -> Router:
    """
    The router to mount at /account.  clock: seconds since the epoch.  add_further: routes of
    others below it.  services: see tokens.add_routes.  The others: see Context.
    """
    router = Router(
        prefix="account",
        dialect=ASTAKOS,
        authenticate=authenticate,
        permitted=Permissions(PERMISSIONS),
        public_url=public_url,
        largest_body=USUAL_BODY_BYTES,
        vary=("X-Auth-Token",),
    )
    context = Context(database, clock, notifier or Silence(), horizon_s, look_again)
    for resource in _RESOURCES:
        resource.add_routes(router, context)
    if services is not None:
        tokens.add_routes(router, context, authenticate, services)
    add_further(router)
    return router
