"""
The browser's part: from a client's request over log-in and consent to a code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps

from attrs import evolve, frozen

from synnefo_tx.errors import BadRequest, NotAuthenticated, TooManyRequests
from synnefo_tx.http.call import Call
from synnefo_tx.http.cookies import cookie
from synnefo_tx.http.pages import PRIVATE
from synnefo_tx.http.reply import Reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import NotAdmitted, PasswordExpired
from synnefo_tx.openid.api.browser import SESSION, Ticket, browser_of, opened, seal
from synnefo_tx.openid.api.context import Context, issuer_of
from synnefo_tx.openid.api.forms import form_of, pairs_of
from synnefo_tx.openid.api.logging_in import CodeOwed, log_in
from synnefo_tx.openid.errors import SentBack
from synnefo_tx.openid.model import Client, Session, Wish
from synnefo_tx.openid.rows import clients, consents, grants, sessions
from synnefo_tx.openid.rules.asking import Next, next_step
from synnefo_tx.openid.rules.authorization import safe_return, wish_of
from synnefo_tx.openid.rules.redirects import answered
from synnefo_tx.openid.views.pages import (
    Asked,
    code_page,
    consent_page,
    error_page,
    log_in_page,
)

Handler = Callable[[Call], Awaitable[Reply]]
HOME = "Default"  # the domain that the form names first
WRONG = "User name, password or code are wrong, or you may not log in."
EXPIRED = "Your password has expired: change it first."


def add_routes(router: Router, context: Context) -> None:
    conversation = Conversation(context)

    @router.route("GET", "/authorize", None)
    @paged
    async def asked(call: Call) -> Reply:
        return await conversation.begin(call, call.queries())

    @router.route("POST", "/authorize", None)
    @paged
    async def posted(call: Call) -> Reply:
        return await conversation.begin(call, pairs_of(call))

    @router.route("POST", "/log-in", None)
    @paged
    async def logged_in(call: Call) -> Reply:
        return await conversation.log_in(call)

    @router.route("POST", "/consent", None)
    @paged
    async def decided(call: Call) -> Reply:
        return await conversation.decide(call)


def paged(handler: Handler) -> Handler:
    """
    `handler`, whose refusals people can read.
    """

    @wraps(handler)
    async def answer(call: Call) -> Reply:
        try:
            return await handler(call)
        except NotAuthenticated:
            return error_page(401, WRONG)
        except BadRequest as error:
            return error_page(400, str(error))

    return answer


@frozen
class Conversation:
    """
    The three steps.  Each goes on as far as it can.
    """

    _context: Context

    async def begin(self, call: Call, given: Sequence[tuple[str, str]]) -> Reply:
        """
        A client has sent the browser.  Raises NoSafeReturn.
        """
        named = [value for name, value in given if name == "client_id"]
        client = await self._client(named[0]) if len(named) == 1 else None
        redirect_uri = safe_return(client, given)
        assert client is not None
        try:
            wish = wish_of(client, redirect_uri, given)
        except SentBack as error:
            state = [value for name, value in given if name == "state"]
            return _sent_back(call, redirect_uri, state[0] if len(state) == 1 else None, error)
        text = cookie(call, SESSION)
        read = self._context.identity.database.read
        session = await read(sessions.find, text, self._context.now()) if text else None
        return await self._go_on(call, client, wish, session)

    async def log_in(self, call: Call) -> Reply:
        """
        The log-in form was sent.
        """
        form = form_of(call)
        ticket, client = await self._ticket(call, form)
        try:
            found = await log_in(self._context, call, ticket, form)
        except PasswordExpired:
            return self._ask_again(call, client, ticket, form, 401, EXPIRED)
        except NotAdmitted as error:
            return self._ask_again(call, client, ticket, form, 401, str(error))
        except NotAuthenticated:
            return self._ask_again(call, client, ticket, form, 401, WRONG)
        except TooManyRequests as error:
            page = self._ask_again(call, client, ticket, form, 429, str(error))
            wait = ("Retry-After", str(error.retry_after_s))
            return evolve(page, headers=(*page.headers, wait))
        if isinstance(found, CodeOwed):
            owed = self._new_ticket(call, ticket.wish, None, found)
            return code_page(self._asked(call, client, owed, "log-in"))
        return await self._go_on(call, client, ticket.wish, found, fresh=True)

    async def decide(self, call: Call) -> Reply:
        """
        The consent form was sent.
        """
        form = form_of(call)
        ticket, client = await self._ticket(call, form)
        read, now = self._context.identity.database.read, self._context.now()
        session = await read(sessions.find, cookie(call, SESSION), now)
        if session is None or session.digest != ticket.session:
            raise NotAuthenticated
        wish = ticket.wish
        if form.get("decision") == "allow":
            return await self._code(call, session, wish, consented=True)
        if form.get("decision") == "other":
            write_now = self._context.identity.database.write
            await write_now(sessions.end, cookie(call, SESSION))
            return await self._go_on(call, client, wish, None)
        denied = SentBack("access_denied", "the user has denied it")
        return _sent_back(call, wish.redirect_uri, wish.state, denied)

    async def _go_on(
        self,
        call: Call,
        client: Client,
        wish: Wish,
        session: Session | None,
        *,
        fresh: bool = False,
    ) -> Reply:
        consented = frozenset(wish.scopes if client.trusted else ())
        if session is not None and not client.trusted:
            read = self._context.identity.database.read
            consented = await read(consents.given, session.user_id, client.id)
        now = self._context.now()
        try:
            step = next_step(wish, session, consented, now, fresh=fresh)
        except SentBack as error:
            return _sent_back(call, wish.redirect_uri, wish.state, error)
        if step is Next.CODE and session is not None:
            return await self._code(call, session, wish)
        if step is Next.CONSENT and session is not None:
            ticket = self._new_ticket(call, wish, session)
            asked = self._asked(call, client, ticket, "consent")
            return consent_page(asked, session.user_name, wish.scopes)
        asked = self._asked(call, client, self._new_ticket(call, wish, None), "log-in")
        return log_in_page(asked, wish.login_hint, HOME)

    async def _code(
        self, call: Call, session: Session, wish: Wish, *, consented: bool = False
    ) -> Reply:
        """
        Back to the client with a code.  consented: the user was just asked.
        """
        told = {"scopes": list(wish.scopes), "asked": consented}
        entry = entry_of(call, "openid:authorize", "client", wish.client_id, told)
        now = self._context.now()

        def unit(connection):  # type: ignore[no-untyped-def]
            if consented:
                consents.give(connection, session.user_id, wish.client_id, wish.scopes, now)
            return grants.make_code(connection, session, wish, now)

        code = await write(self._context.identity, evolve(entry, user_id=session.user_id), unit)
        return _back(call, wish.redirect_uri, {"code": code, "state": wish.state})

    async def _ticket(self, call: Call, form: dict[str, str]) -> tuple[Ticket, Client]:
        """
        What the form is about, its client and URI as they are registered now.
        """
        identity = self._context.identity
        ticket = opened(identity.secrets, call, form.get("ticket", ""), identity.clock())
        client = await self._client(ticket.wish.client_id)
        safe_return(client, [("redirect_uri", ticket.wish.redirect_uri)])
        assert client is not None
        return ticket, client

    async def _client(self, client_id: str) -> Client | None:
        return await self._context.identity.database.read(clients.find, client_id)

    def _new_ticket(
        self, call: Call, wish: Wish, session: Session | None, owed: CodeOwed | None = None
    ) -> Ticket:
        return Ticket(
            wish,
            browser_of(call),
            session.digest if session else "",
            self._context.identity.clock(),
            owed.user_id if owed else "",
            owed.methods if owed else (),
        )

    def _asked(
        self, call: Call, client: Client, ticket: Ticket, form: str, wrong: str = ""
    ) -> Asked:
        sealed = seal(self._context.identity.secrets, ticket)
        action = f"{issuer_of(call)}/{form}"
        return Asked(client, ticket.wish.redirect_uri, sealed, action, wrong)

    def _ask_again(
        self,
        call: Call,
        client: Client,
        ticket: Ticket,
        form: dict[str, str],
        status: int,
        wrong: str,
    ) -> Reply:
        asked = self._asked(call, client, ticket, "log-in", wrong)
        page = (
            code_page(asked)
            if ticket.user_id
            else log_in_page(asked, form.get("name", ""), form.get("domain", HOME))
        )
        return evolve(page, status=status)


def _sent_back(call: Call, redirect_uri: str, state: str | None, error: SentBack) -> Reply:
    told = {"error": error.code, "error_description": str(error), "state": state}
    return _back(call, redirect_uri, told)


def _back(call: Call, redirect_uri: str, told: dict[str, str | None]) -> Reply:
    """
    The issuer goes along, so that a client of several providers knows whose answer it is: RFC 9207.
    """
    where = answered(redirect_uri, told | {"iss": issuer_of(call)})
    return Reply(303, b"", "text/plain", (("Location", where), *PRIVATE))
