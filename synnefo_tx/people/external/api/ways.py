"""
/account/v1.0/people/log-in: which ways in there are, and the way by a directory.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.errors import BadRequest, DomainError, NotAuthenticated
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, address_of
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.proving import shown_anew
from synnefo_tx.people.external.api import openid
from synnefo_tx.people.external.api.admission import Admission
from synnefo_tx.people.external.ldap.users import DirectoryUsers
from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.rules.bodies import read_object


def add_routes(router: Router, people: People, providers: Providers) -> None:
    """
    Also those of `openid`.
    """
    context = people.identity
    admission = Admission.of(context, people.base_url)

    @router.route("GET", openid.PATH, None)
    async def ways(call: Call) -> Reply:
        by_openid = [_way(name, "openid", one) for name, one in providers.oidc.items()]
        by_password = [_way(name, "password", one) for name, one in providers.ldap.items()]
        return json_reply({"providers": [*by_openid, *by_password]})

    @router.route("POST", f"{openid.PATH}/<name>/password", None)
    async def by_password(call: Call, name: str) -> Reply:
        users = providers.directory(name)
        user, password = _shown(call.json())
        try:
            person = await _counted(call, context, users, user, password)
            settled = await admission.settled(call, person, users.settings.accounts)
        except DomainError as error:
            await admission.refused(call, users.provider, "", type(error).__name__)
            raise
        return await admission.token(call, person, settled.user_id)

    @router.route("POST", f"{openid.PATH}/<name>/password/add", "account:add_log_in")
    async def add(call: Call, name: str) -> Reply:
        users, body = providers.directory(name), call.json()
        given = read_object(body, "name", "password", "own_password")
        own = {"password": given["own_password"]} if "own_password" in given else {}
        owner = await shown_anew(context, providers, call, own)
        person = await _counted(call, context, users, *_shown(body))
        await admission.settled(call, person, users.settings.accounts, owner.id)
        return empty_reply()

    openid.add_routes(router, context, admission, providers)


async def _counted(
    call: Call, context: Context, users: DirectoryUsers, user: str, password: str
) -> Person:
    """
    Who that is.  Raises NotAuthenticated, TooManyRequests, ProviderAway.
    """
    found: list[Person] = []

    async def check() -> bool:
        person = await users.person(user, password)
        found.extend([person] if person is not None else [])
        return person is not None

    if not await context.gate.counted(users.account(user), address_of(call), check):
        raise NotAuthenticated
    return found[0]


def _shown(body: object) -> tuple[str, str]:
    shown = [body.get("name"), body.get("password")] if isinstance(body, dict) else []
    if len(shown) != 2 or not all(isinstance(one, str) for one in shown):
        raise BadRequest("A name and a password are needed.")
    name, password = shown
    return str(name), str(password)


def _way(name: str, kind: str, provider: Any) -> dict[str, str]:
    settings = provider.settings
    told = {"name": name, "kind": kind, "label": settings.label or name}
    return told | {"domain_id": settings.accounts.domain_id}
