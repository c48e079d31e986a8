"""
/account/v1.0/people/terms: versions of the terms of use, and their signing.
"""

from __future__ import annotations

from attrs import evolve

from synnefo_tx.errors import DomainError, Forbidden, NotAuthenticated
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.admitting import known_of
from synnefo_tx.identity.api.context import Context, address_of
from synnefo_tx.identity.api.delegated import is_delegated
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.rules.login import DomainWanted, Known, Login, Special, Wanted
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.forms import form_of, is_form
from synnefo_tx.people.errors import NoSuchTerms
from synnefo_tx.people.model import PATH
from synnefo_tx.people.pages.refused import refused_page
from synnefo_tx.people.pages.signing import sign_page, signed_page, text_and_form
from synnefo_tx.people.rows import signing
from synnefo_tx.people.rules import bodies
from synnefo_tx.people.tickets import HEADER, TicketBox
from synnefo_tx.people.views.people import terms_view

TERMS = f"{PATH}/terms"


def add_routes(router: Router, people: People) -> None:
    context = people.identity

    @router.route("GET", TERMS, None)
    async def newest(call: Call) -> Reply:
        return json_reply({"terms": terms_view(await context.database.read(signing.find))})

    @router.route("GET", f"{TERMS}/<version>", None)
    async def show(call: Call, version: str) -> Reply:
        found = await context.database.read(signing.find, _version(version))
        return json_reply({"terms": terms_view(found)})

    @router.route("POST", TERMS, "account:publish_terms")
    async def publish(call: Call) -> Reply:
        given = bodies.read_object(call.json(), "content")
        content = bodies.read_text(given, "content", bodies.LONGEST_TERMS)
        entry = entry_of(call, "account:publish_terms", "terms", "")
        made = await write(context, entry, signing.publish, content, int(context.clock()))
        return json_reply({"terms": terms_view(made)}, 201)

    _add_signing(router, context)


def _add_signing(router: Router, context: Context) -> None:
    @router.route("GET", f"{TERMS}/<version>/sign", None)
    async def asked(call: Call, version: str) -> Reply:
        try:
            return sign_page(await context.database.read(signing.find, _version(version)))
        except DomainError as error:
            return refused_page(error)

    @router.route("POST", f"{TERMS}/<version>/sign", None)
    async def sign(call: Call, version: str) -> Reply:
        if is_form(call):
            return await _by_form(call, context, version)
        await _signed(call, context, _version(version), await _who(call, context))
        return empty_reply()


async def _by_form(call: Call, context: Context, version: str) -> Reply:
    found = None
    try:
        found = await context.database.read(signing.find, _version(version))
        user_id = await _by_password(call, context, form_of(call))
        await _signed(call, context, found.version, user_id)
    except NotAuthenticated:
        wrong = NotAuthenticated("User name, domain or password are wrong.")
        return refused_page(wrong, text_and_form(found) if found else "")
    except DomainError as error:
        return refused_page(error)
    return signed_page(found)


async def _signed(call: Call, context: Context, version: int, user_id: str) -> None:
    """
    Raises NoSuchTerms, NotInForce.
    """
    told = {"version": version}
    entry = evolve(entry_of(call, "account:sign_terms", "user", user_id, told), user_id=user_id)
    await write(context, entry, signing.sign, user_id, version, int(context.clock()))


async def _who(call: Call, context: Context) -> str:
    """
    Id of who signs: the bearer of the token or of a ticket, or whose name and password the body
    has.  Raises NotAuthenticated, Forbidden, TooManyRequests, BadField.
    """
    ticket = call.header(HEADER)
    if ticket:
        return await _by_ticket(context, ticket)
    text = call.header("x-auth-token")
    if not text:
        return await _by_password(call, context, call.json())
    call.bearer = await context.authenticator(text)
    if is_delegated(call):
        raise Forbidden("Nobody signs with a token that was handed on.")
    return call.bearer.user_id


async def _by_password(call: Call, context: Context, body: object) -> str:
    """
    Whoever may not log in before signing has no token yet.
    """
    given = bodies.read_object(body, "name", "domain_id", "password")
    name = bodies.read_text(given, "name", bodies.LONGEST_NAME)
    password = bodies.read_text(given, "password", bodies.LONGEST_PASSWORD)
    domain_id = bodies.read_text({"domain_id": "default"} | given, "domain_id", bodies.LONGEST_NAME)
    wanted = Wanted(None, name, DomainWanted(domain_id, None))
    known = await _known(context, wanted)
    right = await context.gate.right(wanted, known.user, password, address_of(call))
    if right and context.gate.elsewhere is not None:
        known = await _known(context, wanted)  # a directory's user may be new
    return _open(known, right=right)


async def _by_ticket(context: Context, ticket: str) -> str:
    user_id = TicketBox(context.secrets, context.clock).open(ticket)
    return _open(await _known(context, Wanted(user_id, None, None)), right=True)


async def _known(context: Context, wanted: Wanted) -> Known:
    return await known_of(context, Login(("password",), wanted, None, None, Special.UNSCOPED))


def _open(known: Known, *, right: bool) -> str:
    """
    Id of the user, who may be waiting for more than this signature.  Raises NotAuthenticated.
    """
    user, domain = known.user, known.user_domain
    if user is None or domain is None or not right:
        raise NotAuthenticated
    if not (domain.enabled and (user.enabled or known.refused)):
        raise NotAuthenticated
    return user.id


def _version(text: str) -> int:
    """
    Raises NoSuchTerms.
    """
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 8):
        raise NoSuchTerms(0)
    return int(text)
