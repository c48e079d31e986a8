"""
/account/v1.0/people/verify: the link of a letter, as JSON and as a page for its reader's browser.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.audit.rows.log import append
from synnefo_tx.errors import DomainError
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.writing import entry_of
from synnefo_tx.people import deciding
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.forms import form_of, is_form
from synnefo_tx.people.api.looking import LONGEST_LINK, looked
from synnefo_tx.people.model import PATH, Person
from synnefo_tx.people.pages.refused import refused_page
from synnefo_tx.people.pages.verifying import ask_page, done_page
from synnefo_tx.people.rows import registering
from synnefo_tx.people.rules import bodies


def add_routes(router: Router, people: People) -> None:
    @router.route("GET", f"{PATH}/verify", None)
    async def asked(call: Call) -> Reply:
        link = call.query("link") or ""
        try:
            return ask_page(await looked(people, call, registering.to_verify, link), link)
        except DomainError as error:
            return refused_page(error)

    @router.route("POST", f"{PATH}/verify", None)
    async def verify(call: Call) -> Reply:
        if is_form(call):
            try:
                return done_page(await _verified(people, call, form_of(call).get("link", "")))
            except DomainError as error:
                return refused_page(error)
        given = bodies.read_object(call.json(), "link")
        link = bodies.read_text(given, "link", LONGEST_LINK)
        person = await _verified(people, call, link)
        return json_reply({"name": person.name, "state": person.state})


async def _verified(people: People, call: Call, link: str) -> Person:
    """
    Raises LinkWorthless, AddressTaken, AskedTooOften.
    """
    await looked(people, call, registering.to_verify, link)
    person = await people.identity.database.write(_unit, people, call, link)
    people.identity.authenticator.look_again()
    return person


def _unit(connection: Connection, people: People, call: Call, link: str) -> Person:
    doing = people.doing(call)
    person = deciding.verify(connection, link, people.base_url, people.settings, doing)
    told = {"state": person.state}
    entry = entry_of(call, "account:verify_address", "user", person.user_id, told)
    append(connection, entry, doing.told.now_us)
    return person
