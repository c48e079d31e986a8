"""
/user_catalogs: ids of users to their names and back.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.account.api.context import PREFIX, Context, read_object
from synnefo_tx.account.rows import names
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router

MOST = 10000  # ids or names of one call


def add_routes(router: Router, context: Context) -> None:
    """
    Serve the catalogs: users see their own domain's, services all users.
    """

    @router.route("POST", f"{PREFIX}/user_catalogs", "account:translate_users")
    async def users(call: Call) -> Reply:
        asked = _asked(read_object(call), everything=False)
        return json_reply(await _catalogs(context, *asked, call.token.user_domain_id))

    @router.route("POST", f"{PREFIX}/service/user_catalogs", "account:translate_all_users")
    async def services(call: Call) -> Reply:
        asked = _asked(read_object(call), everything=True)
        return json_reply(await _catalogs(context, *asked, None))


async def _catalogs(
    context: Context,
    user_ids: list[str] | None,
    displaynames: list[str] | None,
    domain_id: str | None,
) -> dict[str, Any]:
    read = context.database.read
    return {
        "uuid_catalog": await read(names.names_of, user_ids, domain_id),
        "displayname_catalog": await read(names.ids_of, displaynames, domain_id),
    }


def _asked(body: dict[str, Any], everything: bool) -> tuple[list[str] | None, list[str] | None]:
    return _list(body, "uuids", everything), _list(body, "displaynames", everything)


def _list(body: dict[str, Any], key: str, everything: bool) -> list[str] | None:
    """
    None: all, for those who may ask for that.
    """
    value = body.get(key, [])
    if value is None:
        return None if everything else []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadRequest(f"{key} should be a list of strings.")
    if len(value) > MOST:
        raise BadRequest(f"{key} has more than {MOST} items.")
    return [one for one in value if "\0" not in one]
