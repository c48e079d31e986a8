"""
/account/v1.0/people/email: another e-mail address, in two steps.
"""

from __future__ import annotations

from attrs import evolve
from sqlalchemy import Connection

from synnefo_tx.audit.rows.log import append
from synnefo_tx.errors import DomainError
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.writing import entry_of
from synnefo_tx.identity.model import User
from synnefo_tx.people import letters
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.forms import form_of, is_form
from synnefo_tx.people.api.looking import LONGEST_LINK, looked
from synnefo_tx.people.api.proving import shown_anew
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.model import PATH
from synnefo_tx.people.pages.emails import ask_page, done_page
from synnefo_tx.people.pages.refused import refused_page
from synnefo_tx.people.rows import emails
from synnefo_tx.people.rules import bodies
from synnefo_tx.people.rules.addresses import read_address

SENT = "A letter is on its way to the new address. It says how to go on."
MAY = "account:change_email"


def add_routes(router: Router, people: People, providers: Providers) -> None:
    @router.route("POST", f"{PATH}/email", MAY)
    async def ask(call: Call) -> Reply:
        given = bodies.read_object(call.json(), "email", "password")
        email = read_address(given.get("email"))
        user = await shown_anew(people.identity, providers, call, given)
        people.asked(call, email)
        await people.identity.database.write(_asked, people, call, user, email)
        return json_reply({"message": SENT}, 202)

    @router.route("GET", f"{PATH}/email/confirm", None)
    async def asks(call: Call) -> Reply:
        link = call.query("link") or ""
        try:
            user, email = await looked(people, call, emails.to_confirm, link)
            return ask_page(user.name, email, link)
        except DomainError as error:
            return refused_page(error)

    @router.route("POST", f"{PATH}/email/confirm", None)
    async def confirm(call: Call) -> Reply:
        if is_form(call):
            try:
                return done_page(await _confirmed(people, call, form_of(call).get("link", "")))
            except DomainError as error:
                return refused_page(error)
        given = bodies.read_object(call.json(), "link")
        link = bodies.read_text(given, "link", LONGEST_LINK)
        return json_reply({"email": await _confirmed(people, call, link)})


def _asked(connection: Connection, people: People, call: Call, user: User, email: str) -> None:
    doing = people.doing(call)
    ends_at = doing.now + people.settings.change_email_s
    asked = emails.ask(connection, user, email, ends_at)
    letters.change_asked(connection, people.base_url, user.name, email, asked, ends_at)
    entry = entry_of(call, "account:ask_email", "user", user.id)
    append(connection, entry, doing.told.now_us)


async def _confirmed(people: People, call: Call, link: str) -> str:
    """
    The new address.  Raises LinkWorthless, AddressTaken, AskedTooOften.
    """
    await looked(people, call, emails.to_confirm, link)
    return await people.identity.database.write(_unit, people, call, link)


def _unit(connection: Connection, people: People, call: Call, link: str) -> str:
    doing = people.doing(call)
    changed = emails.confirm(connection, link, doing)
    letters.email_changed(connection, people.base_url, changed)
    entry = entry_of(call, "account:change_email", "user", changed.user_id)
    append(connection, evolve(entry, user_id=changed.user_id), doing.told.now_us)
    return changed.email
