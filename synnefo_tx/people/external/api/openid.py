"""
/account/v1.0/people/log-in: the way by an OpenID provider.
"""

from __future__ import annotations

from twisted.logger import Logger

from synnefo_tx.errors import DomainError
from synnefo_tx.http.call import Call
from synnefo_tx.http.cookies import cookie, set_cookie
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, address_of
from synnefo_tx.people.api.proving import shown_anew
from synnefo_tx.people.external.api.admission import Admission
from synnefo_tx.people.external.errors import NotBelieved, ProviderAway
from synnefo_tx.people.external.oidc.client import Begun, OidcClient
from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.external.rows import states
from synnefo_tx.people.external.waiting import (
    LASTS_S,
    LONGEST_STATE,
    Waiting,
    WaitingBox,
    cookie_name,
)
from synnefo_tx.people.rules.bodies import read_object

PATH = "/v1.0/people/log-in"
_log = Logger()


def add_routes(
    router: Router, context: Context, admission: Admission, providers: Providers
) -> None:
    box = WaitingBox(context.secrets, context.clock)

    @router.route("POST", f"{PATH}/<name>/begin", None)
    async def begin(call: Call, name: str) -> Reply:
        return await _begun(call, box, providers.openid(name), "")

    @router.route("POST", f"{PATH}/<name>/add", "account:add_log_in")
    async def add(call: Call, name: str) -> Reply:
        given = read_object(call.json() or {}, "password")
        await shown_anew(context, providers, call, given)
        return await _begun(call, box, providers.openid(name), call.header("x-auth-token"))

    @router.route("GET", f"{PATH}/<name>/return", None)
    async def returned(call: Call, name: str) -> Reply:
        client = providers.openid(name)
        who = f"oidc:{name}"
        try:
            waiting, person = await _counted(call, context, client, box)
            adding_to = await _adding_to(context, waiting)
            settled = await admission.settled(call, person, client.settings.accounts, adding_to)
        except DomainError as error:
            reason = getattr(error, "reason", type(error).__name__)
            _log.info("no log-in by {provider}: {reason}", provider=who, reason=reason)
            await admission.refused(call, who, "", type(error).__name__)
            raise
        return await admission.token(call, person, settled.user_id)


async def _adding_to(context: Context, waiting: Waiting) -> str:
    """
    Id of the user to whose account the log-in is added; "": of none.  Raises NotAuthenticated when
    the token by which that was begun has ended meanwhile.
    """
    if not waiting.adding_by:
        return ""
    return (await context.authenticator(waiting.adding_by)).user_id


async def _begun(call: Call, box: WaitingBox, client: OidcClient, adding_by: str) -> Reply:
    back = client.settings.redirect_url or f"{call.base}{PATH}/{client.name}/return"
    begun = Begun.anew(back)
    try:
        url = await client.url(begun)
    except ProviderAway as error:
        _log.warn("{name} is away: {reason}", name=client.name, reason=error.reason)
        raise
    sealed = box.seal(client.name, begun, adding_by)
    set_cookie(call, cookie_name(begun.state), sealed, _path(call), LASTS_S)
    return json_reply({"url": url}, 200, _UNKEPT)


async def _counted(
    call: Call, context: Context, client: OidcClient, box: WaitingBox
) -> tuple[Waiting, Person]:
    """
    The log-in that came back, and who it is.  Those that are not believed count as wrong passwords
    of their address do.  Raises NotBelieved, ProviderAway and TooManyRequests.
    """
    address = address_of(call)
    found: list[tuple[Waiting, Person]] = []
    wrong: list[NotBelieved] = []

    async def check() -> bool:
        try:
            found.append(await _brought(call, context, client, box))
        except NotBelieved as error:
            wrong.append(error)
        return bool(found)

    await context.gate.counted((client.name, address), address, check)
    if wrong:
        raise wrong[0]
    return found[0]


async def _brought(
    call: Call, context: Context, client: OidcClient, box: WaitingBox
) -> tuple[Waiting, Person]:
    query = dict(call.queries())
    state = query.get("state", "")[:LONGEST_STATE]
    waiting = box.open(cookie(call, cookie_name(state)), client.name, state)
    set_cookie(call, cookie_name(state), "", _path(call), 0)
    call.extra_headers.append(_UNKEPT)
    now = int(context.clock())
    if not await context.database.write(states.use, state, waiting.expires_at, now):
        raise NotBelieved("a log-in that was used")
    if "error" in query:
        raise NotBelieved(f"the provider says {query['error'][:64]!r}")
    person = await client.person(waiting.begun, query.get("code", ""), query.get("iss"))
    return waiting, person


_UNKEPT = ("Cache-Control", "no-store")


def _path(call: Call) -> str:
    return f"/{call.base.rpartition('/')[2]}{PATH}"
