"""
/v3/users/<id>/password: another password of one's own, for which the present one is enough.
"""

from __future__ import annotations

from attrs import evolve

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context, address_of
from synnefo_tx.identity.api.new_passwords import check_unused, hashed
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.model import User
from synnefo_tx.identity.rows import logins, users
from synnefo_tx.identity.rules.compliance import (
    check_own_change,
    check_strength,
    is_inactive,
)
from synnefo_tx.identity.rules.login import Wanted

_body = Body(
    {
        "type": "object",
        "properties": {
            "original_password": {"type": "string", "maxLength": 4096},
            "password": {"type": "string", "maxLength": 4096},
        },
        "required": ["original_password", "password"],
        "additionalProperties": False,
    },
    keystone_wording,
)


def add_routes(router: Router, context: Context) -> None:
    @router.route("POST", "/v3/users/<user_id>/password", None)
    async def change(call: Call, user_id: str) -> Reply:
        given = _body.check(json_body.read(call).get("user", {}))
        user = await _user(context, call, user_id, given["original_password"])
        check_strength(context.gate.policy, given["password"])
        check_own_change(context.gate.policy, user, int(context.clock()))
        await check_unused(context, user, given["password"])
        new = await hashed(context, user, given["password"])
        entry = evolve(entry_of(call, "identity:change_password", "user", user.id), user_id=user.id)
        now = int(context.clock())
        if not await write(
            context, entry, users.set_own_password, new, now, context.tokens.horizon_s
        ):
            raise NotAuthenticated
        return empty_reply()


async def _user(context: Context, call: Call, user_id: str, password: str) -> User:
    """
    The user, if that is the password, expired or not.  Raises NotAuthenticated.
    """
    found = await context.database.read(logins.standing, user_id)
    user = found.user if found else None
    wanted = Wanted(user_id, None, None)
    right = await context.gate.right(wanted, user, password, address_of(call))
    if found is None or user is None or not right or user.password_hash is None:
        raise NotAuthenticated
    if not (user.enabled and found.user_domain.enabled):
        raise NotAuthenticated
    if is_inactive(context.gate.policy, user, int(context.clock())):
        raise NotAuthenticated
    return user
