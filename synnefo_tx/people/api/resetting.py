"""
/account/v1.0/people/password: passwords that were forgotten are set by a letter's link.

Whether there is such an account shows neither in the answer nor in the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve
from sqlalchemy import Connection

from synnefo_tx.audit.rows.log import append
from synnefo_tx.errors import DomainError
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.new_passwords import check_unused, hashed
from synnefo_tx.identity.api.writing import entry_of
from synnefo_tx.identity.faults import PasswordTooWeak, PasswordUsedBefore
from synnefo_tx.identity.model import User
from synnefo_tx.identity.rows.users import NewPassword
from synnefo_tx.identity.rules.compliance import check_strength
from synnefo_tx.people import letters
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.forms import form_of, is_form
from synnefo_tx.people.api.looking import LONGEST_LINK, looked
from synnefo_tx.people.errors import BadField
from synnefo_tx.people.model import PATH
from synnefo_tx.people.pages.refused import refused_page
from synnefo_tx.people.pages.resetting import (
    WHOSE,
    ask_page,
    done_page,
    form,
    sent_page,
    whose_page,
)
from synnefo_tx.people.rows import resetting
from synnefo_tx.people.rows.resetting import Forgotten
from synnefo_tx.people.rules import bodies
from synnefo_tx.people.rules.addresses import read_address

SENT = "If there is such an account, a letter is on its way to its verified address."
_LONGEST_ID = 64


def add_routes(router: Router, people: People) -> None:
    @router.route("GET", f"{PATH}/password/forgotten", None)
    async def whose(call: Call) -> Reply:
        return whose_page()

    @router.route("POST", f"{PATH}/password/forgotten", None)
    async def forgotten(call: Call) -> Reply:
        if not is_form(call):
            await _forget(people, call, call.json())
            return json_reply({"message": SENT}, 202)
        try:
            await _forget(people, call, form_of(call))
        except BadField as error:
            return refused_page(error, WHOSE)
        except DomainError as error:
            return refused_page(error)
        return sent_page(SENT)

    @router.route("GET", f"{PATH}/password/reset", None)
    async def asks(call: Call) -> Reply:
        link = call.query("link") or ""
        try:
            user = await looked(people, call, resetting.to_reset, link)
            return ask_page(user.name, link)
        except DomainError as error:
            return refused_page(error)

    @router.route("POST", f"{PATH}/password/reset", None)
    async def reset(call: Call) -> Reply:
        if is_form(call):
            return await _by_form(people, call)
        given = bodies.read_object(call.json(), "link", "password")
        return json_reply({"name": await _reset(people, call, given)})


async def _forget(people: People, call: Call, given: object) -> None:
    """
    Raises BadRequest, BadField and AskedTooOften.
    """
    wanted = _forgotten(people, given)
    people.asked(call, wanted.email or f"{wanted.domain_id}/{wanted.name}")
    await people.identity.database.write(_asked, people, call, wanted)


def _forgotten(people: People, given: object) -> Forgotten:
    """
    {"email": ...} or {"name": ..., "domain_id": ...}.  Raises BadRequest and BadField.
    """
    told = bodies.read_object(given, "email", "name", "domain_id")
    domain_id = people.settings.domain_id
    if "domain_id" in told:
        domain_id = bodies.read_text(told, "domain_id", _LONGEST_ID)
    if "email" not in told:
        name = bodies.read_text(told, "name", bodies.LONGEST_NAME)
        return Forgotten(domain_id, name=name)
    if "name" in told:
        raise BadField("name", "is not for a body that has an email")
    return Forgotten(domain_id, email=read_address(told["email"]))


def _asked(connection: Connection, people: People, call: Call, wanted: Forgotten) -> None:
    """
    The same work where there is nobody; it is undone.
    """
    doing = people.doing(call)
    ends_at = doing.now + people.settings.reset_s
    found = resetting.find(connection, wanted)
    attempt = connection.begin_nested()
    link = resetting.give_link(connection, found, ends_at)
    letters.forgotten(connection, people.base_url, found, link, ends_at)
    if found.outcome == "nobody":
        attempt.rollback()
    else:
        attempt.commit()
    told = {"outcome": found.outcome}
    entry = entry_of(call, "account:forget_password", "user", found.user_id, told)
    append(connection, entry, doing.told.now_us)


async def _by_form(people: People, call: Call) -> Reply:
    link = ""
    try:
        given = form_of(call)
        link = given.get("link", "")
        return done_page(await _reset(people, call, given))
    except BadField as error:  # the link is good still
        return refused_page(error, form(link))
    except DomainError as error:
        return refused_page(error)


async def _reset(people: People, call: Call, given: Mapping[str, Any]) -> str:
    """
    Name of the user.  Raises BadField, LinkWorthless, AskedTooOften.
    """
    link = bodies.read_text(given, "link", LONGEST_LINK)
    password = bodies.read_text(given, "password", bodies.LONGEST_PASSWORD)
    user = await looked(people, call, resetting.to_reset, link)
    new = await _new(people, user, password)
    await people.identity.database.write(_unit, people, call, link, new)
    people.identity.authenticator.look_again()
    return user.name


async def _new(people: People, user: User, password: str) -> NewPassword:
    """
    Raises BadField for what the rules of passwords refuse.
    """
    policy = people.identity.gate.policy
    try:
        check_strength(policy, password)
        await check_unused(people.identity, user, password)
    except PasswordTooWeak as error:
        raise BadField("password", f"is too weak: {policy.password_regex_description}") from error
    except PasswordUsedBefore as error:
        raise BadField("password", "is one that you had before") from error
    return await hashed(people.identity, user, password)


def _unit(connection: Connection, people: People, call: Call, link: str, new: NewPassword) -> None:
    doing = people.doing(call)
    user, email = resetting.reset(connection, link, new, doing)
    letters.password_changed(connection, people.base_url, user.name, email)
    entry = evolve(entry_of(call, "account:reset_password", "user", user.id), user_id=user.id)
    append(connection, entry, doing.told.now_us)
