"""
/resources.
"""

from __future__ import annotations

from synnefo_tx.account.api.context import PREFIX, Context
from synnefo_tx.account.views.quotas import resource_views
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.quota.rows import resources as rows


def add_routes(router: Router, context: Context) -> None:
    """
    Serve the list of what is counted, to anybody.
    """

    @router.route("GET", f"{PREFIX}/resources", None)
    async def index(_: Call) -> Reply:
        return json_reply(resource_views(await context.database.read(rows.listed)))
