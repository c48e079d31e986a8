"""
The identity API: Keystone v3.
"""

from __future__ import annotations

from collections.abc import Callable

from synnefo_tx.audit.api import events
from synnefo_tx.http.dialects import KEYSTONE
from synnefo_tx.http.router import Router
from synnefo_tx.http.streaming import USUAL_BODY_BYTES
from synnefo_tx.identity.admission import Everybody, IAdmission
from synnefo_tx.identity.api import (
    access_rules,
    application_credentials,
    consumers,
    credentials,
    domain_config,
    domains,
    ec2_credentials,
    ec2_tokens,
    endpoint_filters,
    grants,
    groups,
    implied_roles,
    limits,
    oauth2_tokens,
    own_password,
    own_scopes,
    policies,
    project_tags,
    projects,
    regions,
    registered_limits,
    revoke_events,
    role_assignments,
    roles,
    services,
    tokens,
    trusts,
    users,
    versions,
)
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.catalog_cache import CatalogCache
from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.elsewhere import IPasswordsElsewhere
from synnefo_tx.identity.follower import IFollower, Nobody
from synnefo_tx.identity.password_gate import PasswordGate
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.permission_table import PERMISSIONS
from synnefo_tx.identity.permissions import Permissions
from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.identity.throttle import Throttle
from synnefo_tx.identity.tokens import TokenBox
from synnefo_tx.store.database import Database

_RESOURCES = (
    tokens,
    events,
    own_scopes,
    domains,
    projects,
    project_tags,
    users,
    own_password,
    groups,
    roles,
    implied_roles,
    limits,
    grants,
    role_assignments,
    regions,
    registered_limits,
    services,
    endpoint_filters,
    policies,
    consumers,
    revoke_events,
    domain_config,
    application_credentials,
    access_rules,
    credentials,
    ec2_credentials,
    ec2_tokens,
    oauth2_tokens,
    trusts,
)


def identity_context(
    database: Database,
    box: TokenBox,
    passwords: Passwords,
    clock: Callable[[], float],
    authenticator: Authenticator,
    secrets: SecretBox,
    policy: SecurityCompliance | None = None,
    throttle: Throttle | None = None,
    follower: IFollower | None = None,
    elsewhere: IPasswordsElsewhere | None = None,
    admission: IAdmission | None = None,
) -> Context:
    """
    What identity works with; other services that let people log in share it, so that they count
    wrong passwords together.

    authenticator: the one that the other services of this process use too, so that a token which
    is revoked here is refused by them at once.  clock: seconds since the epoch.  secrets: seals
    what must be read again.  policy: of passwords and accounts.  throttle: of wrong log-ins.
    elsewhere: knows passwords that we don't.
    follower: who must know of users and projects.  admission: who may log in.
    """
    catalog = CatalogCache(database, clock)
    policy, throttle = policy or SecurityCompliance(), throttle or Throttle(clock)
    gate = PasswordGate(database, passwords, clock, policy, throttle, elsewhere)
    return Context(
        database,
        box,
        passwords,
        authenticator,
        catalog,
        clock,
        secrets,
        gate,
        follower or Nobody(),
        admission or Everybody(),
    )


def identity_router(context: Context, public_url: str | None) -> Router:
    """
    The routes below /identity.
    """
    router = Router(
        prefix="identity",
        dialect=KEYSTONE,
        authenticate=context.authenticator,
        permitted=Permissions(PERMISSIONS),
        public_url=public_url,
        largest_body=USUAL_BODY_BYTES,
        vary=("X-Auth-Token",),
    )
    versions.add_routes(router)
    for resource in _RESOURCES:
        resource.add_routes(router, context)
    return router
