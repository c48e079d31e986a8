"""
What every resource of the identity API is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from synnefo_tx.http.call import Call
from synnefo_tx.identity.admission import Everybody, IAdmission
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.catalog_cache import CatalogCache
from synnefo_tx.identity.faults import ActionForbidden
from synnefo_tx.identity.follower import IFollower, Nobody
from synnefo_tx.identity.password_gate import PasswordGate
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.permission_table import PERMISSIONS
from synnefo_tx.identity.permissions import Permissions, Target
from synnefo_tx.identity.rows.reach import has_more
from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.identity.tokens import TokenBox
from synnefo_tx.store.database import Database

_permissions = Permissions(PERMISSIONS)


@frozen
class Context:
    """
    clock: seconds since the epoch.  secrets: for what must be read again.  gate: every
    password that is shown goes through it.  follower: who must know of users and projects.
    admission: who may log in.
    """

    database: Database
    tokens: TokenBox
    passwords: Passwords
    authenticator: Authenticator
    catalog: CatalogCache
    clock: Callable[[], float]
    secrets: SecretBox
    gate: PasswordGate
    follower: IFollower = field(factory=Nobody)
    admission: IAdmission = field(factory=Everybody)


def enforce(call: Call, action: str, target: Target) -> None:
    """
    Raises ActionForbidden unless the caller may do `action` ("identity:get_user") to `target`.
    """
    if not _permissions(action, call.token, target):
        raise ActionForbidden(action)


def may(call: Call, action: str, target: Target) -> bool:
    """
    Whether the caller may do `action` to `target`.
    """
    return _permissions(action, call.token, target)


async def refuse_beyond(
    context: Context, call: Call, action: str, actor_kind: str, thing: Mapping[str, Any]
) -> None:
    """
    Raises ActionForbidden when a "user" or "group" of the domain that the caller manages has more
    than its managers may give: whoever has its password, or is in it, has that too.
    """
    if call.token.is_admin:
        return
    found = (actor_kind, thing["id"], thing["domain_id"])
    if await context.database.read(has_more, *found):
        raise ActionForbidden(action)


def address_of(call: Call) -> str:
    """
    Where the call comes from.
    """
    return str(getattr(call.request.getClientAddress(), "host", ""))


def v3(call: Call) -> str:
    """
    The URL of /v3 as the client reached it, without a trailing slash.
    """
    return f"{call.base}/v3"


def root(call: Call) -> str:
    """
    The URL of the whole cloud, without a trailing slash.
    """
    return call.base.removesuffix("/identity")
