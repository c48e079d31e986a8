"""
Changes that a call of the account API makes: by whom, and with their line in the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from synnefo_tx.account.api.context import Context
from synnefo_tx.account.model import Actor, Doing
from synnefo_tx.audit.rows.audited import audited
from synnefo_tx.errors import BadRequest, Forbidden
from synnefo_tx.http.call import Call
from synnefo_tx.identity.api.writing import entry_of

P = ParamSpec("P")
T = TypeVar("T")


def actor_of(call: Call) -> Actor:
    """
    Who calls.
    """
    token = call.token
    return Actor(token.user_id, token.user_domain_id, token.is_admin)


def doing_of(context: Context, call: Call, reason: str = "") -> Doing:
    """
    A change by the caller.  Raises Forbidden for what was only handed to somebody else: joining
    and applying is the person's own.
    """
    token = call.token
    if token.trust_id or token.restricted:
        raise Forbidden("Projects can't be changed with a trust or a restricted credential.")
    return Doing(actor_of(call), context.now_us(), context.horizon_s, reason, context.notifier)


async def write(
    context: Context,
    call: Call,
    action: str,
    target: tuple[str, str],
    details: Mapping[str, Any],
    unit: Callable[Concatenate[Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """
    The unit's value, once it and its audit line are committed.  target: kind and id.
    """
    entry = entry_of(call, action, *target, details)
    now_us = context.now_us()

    def both(connection: Connection) -> T:
        return audited(connection, entry, now_us, unit, *args, **kwargs)

    value = await context.database.write(both)
    context.look_again()
    return value


def page_of(call: Call) -> tuple[str | None, int | None]:
    """
    `marker` and `limit` of a list, which Synnefo's clients never send.  Raises BadRequest.
    """
    text = call.query("limit")
    if text is None:
        return call.query("marker"), None
    if not text.isascii() or not text.isdigit() or not 0 < len(text) < 9:
        raise BadRequest("limit should be a number.")
    return call.query("marker"), int(text)
