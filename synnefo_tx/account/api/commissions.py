"""
/commissions: services take and give back quota.  Each sees its own commissions only; a service is
the user that its token names.
"""

from __future__ import annotations

from synnefo_tx.account.api.context import PREFIX, Context, read_object
from synnefo_tx.account.rules.commission_bodies import (
    read_serial,
    read_verdict,
    read_verdicts,
    read_wanted,
)
from synnefo_tx.account.views import commissions as views
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.quota.rows import commissions as rows
from synnefo_tx.quota.rows.who import may_hold

ALL, ONE = f"{PREFIX}/commissions", f"{PREFIX}/commissions/<serial>"


def add_routes(router: Router, context: Context) -> None:
    """
    Serve commissions.
    """
    database = context.database

    @router.route("GET", ALL, "account:list_commissions")
    async def pending(call: Call) -> Reply:
        return json_reply(await database.read(rows.pending, call.token.user_id))

    @router.route("POST", ALL, "account:issue_commission")
    async def issue(call: Call) -> Reply:
        wanted = read_wanted(read_object(call), call.token.user_id)
        serial = await database.write(rows.issue, wanted, context.now_us(), may_hold)
        return json_reply({"serial": serial}, 201)

    @router.route("GET", ONE, "account:get_commission")
    async def show(call: Call, serial: str) -> Reply:
        number = read_serial(serial)
        row, provisions = await database.read(rows.find, call.token.user_id, number)
        return json_reply(views.commission(number, row.name, row.issued_at, provisions))

    _add_actions(router, context)


def _add_actions(router: Router, context: Context) -> None:
    database = context.database

    @router.route("POST", f"{ALL}/action", "account:resolve_commission")
    async def resolve(call: Call) -> Reply:
        accept, reject = read_verdicts(read_object(call))
        found = await database.write(
            rows.resolve, call.token.user_id, accept, reject, context.now_us()
        )
        return json_reply(
            views.resolved(found.accepted, found.rejected, found.missing, found.conflicting)
        )

    @router.route("POST", f"{ONE}/action", "account:resolve_commission")
    async def act(call: Call, serial: str) -> Reply:
        number = read_serial(serial)
        accepted = read_verdict(read_object(call))
        await database.write(
            rows.resolve_one, call.token.user_id, number, accepted, context.now_us()
        )
        return empty_reply(200)
