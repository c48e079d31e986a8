"""
/account/v1.0/people: registration, and letters with another link.

Whether an address is known shows neither in the answer nor in the time: its owner alone is told,
by mail.
"""

from __future__ import annotations

import uuid

from sqlalchemy import Connection

from synnefo_tx.audit.rows.log import append
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.writing import entry_of
from synnefo_tx.identity.faults import PasswordTooWeak
from synnefo_tx.identity.rules.compliance import check_strength, end_of_password
from synnefo_tx.people import letters
from synnefo_tx.people.api.context import People
from synnefo_tx.people.errors import BadField, SignUpClosed
from synnefo_tx.people.model import PATH, Registration
from synnefo_tx.people.rows import registering
from synnefo_tx.people.rules import bodies
from synnefo_tx.people.rules.addresses import read_address

SENT = "A letter is on its way to this address. It says how to go on."


def add_routes(router: Router, people: People) -> None:
    @router.route("POST", PATH, None)
    async def register(call: Call) -> Reply:
        if not people.settings.open:
            raise SignUpClosed
        wanted = await _wanted(people, call)
        await people.identity.database.write(_registered, people, call, wanted)
        return json_reply({"message": SENT}, 202)

    @router.route("POST", f"{PATH}/verify/again", None)
    async def again(call: Call) -> Reply:
        given = bodies.read_object(call.json(), "email")
        email = read_address(given.get("email"))
        people.asked(call, email)
        await people.identity.database.write(_given_again, people, call, email)
        return json_reply({"message": SENT}, 202)


async def _wanted(people: People, call: Call) -> Registration:
    """
    Raises BadRequest, BadField and AskedTooOften.
    """
    given = bodies.read_object(call.json(), "name", "email", "password", "terms")
    name, email = bodies.read_name(given), read_address(given.get("email"))
    password = bodies.read_text(given, "password", bodies.LONGEST_PASSWORD)
    signs = None if given.get("terms") is None else bodies.read_version(given["terms"])
    policy, now = people.identity.gate.policy, int(people.identity.clock())
    try:
        check_strength(policy, password)
    except PasswordTooWeak as error:
        raise BadField("password", f"is too weak: {policy.password_regex_description}") from error
    people.asked(call, email)
    return Registration(
        name=name,
        email=email,
        domain_id=people.settings.domain_id,
        password_hash=await people.identity.passwords.hash(password),
        password_expires_at=end_of_password(policy, {}, now, own=True),
        signs=signs,
    )


def _registered(connection: Connection, people: People, call: Call, wanted: Registration) -> None:
    doing, user_id = people.doing(call), uuid.uuid4().hex
    lasts_s = people.settings.verify_s
    done = registering.register(connection, wanted, user_id, lasts_s, doing)
    letters.registered(connection, people.base_url, wanted, done, doing.now + lasts_s)
    target = user_id if done.outcome == "made" else ""
    entry = entry_of(call, "account:register", "user", target, {"outcome": done.outcome})
    append(connection, entry, doing.told.now_us)


def _given_again(connection: Connection, people: People, call: Call, email: str) -> None:
    """
    The same work for an address that waits for no letter; it is undone.
    """
    doing, settings = people.doing(call), people.settings
    attempt = connection.begin_nested()
    found, link = registering.give_again(
        connection, settings.domain_id, email, settings.verify_s, doing
    )
    name, ends_at = found.name if found else "", doing.now + settings.verify_s
    letters.verify(connection, people.base_url, name, email, link, ends_at)
    if found is None:
        attempt.rollback()
    else:
        attempt.commit()
    target = found.user_id if found else ""
    entry = entry_of(call, "account:send_link", "user", target)
    append(connection, entry, doing.told.now_us)
