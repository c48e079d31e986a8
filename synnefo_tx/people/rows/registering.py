"""
Units of work on signing up: from a registration to a verified address.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from attrs import frozen
from sqlalchemy import Connection, insert, update

from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.things import DuplicateEntry
from synnefo_tx.people.doing import Doing
from synnefo_tx.people.errors import (
    AddressTaken,
    BadField,
    LinkWorthless,
    NoSuchPerson,
    NotInThatState,
)
from synnefo_tx.people.model import Moderation, Person, Registration, State
from synnefo_tx.people.rows import addresses, links, records, signing
from synnefo_tx.people.rows.links import Link
from synnefo_tx.people.rows.moderating import accept
from synnefo_tx.people.rows.tables import people
from synnefo_tx.people.rules.addresses import read_address
from synnefo_tx.people.settings import SignUp


@frozen
class Registered:
    """
    What the owner of the address is told, and nobody else: "made", with the link that verifies the
    address; "known" when an account has the address; "name-taken".
    """

    outcome: Literal["made", "known", "name-taken"]
    link: str = ""


def register(
    connection: Connection, wanted: Registration, user_id: str, verify_s: int, doing: Doing
) -> Registered:
    """
    A disabled user, who is enabled when accepted.  verify_s: how long the address may be verified.
    Raises NoSuchTerms and NotInForce.

    The work is the same whether somebody has the address or not: it is undone in the end.
    """
    if wanted.signs is not None:
        signing.check_newest(connection, wanted.signs)  # whoever is known already
    records.forget_lapsed(connection, doing)
    known = addresses.owner_of(connection, wanted.domain_id, wanted.email)
    attempt = connection.begin_nested()
    ends_at = doing.now + verify_s
    made = _make(connection, wanted, user_id, ends_at, doing.now)
    link = links.give(connection, "verify", user_id, wanted.email, ends_at)
    if known or not made:
        attempt.rollback()
        return Registered("known" if known else "name-taken")
    attempt.commit()
    return Registered("made", link)


def _make(
    connection: Connection, wanted: Registration, user_id: str, lapses_at: int, now: int
) -> bool:
    """
    False: another user of the domain has the name.
    """
    user = {
        "id": user_id,
        "name": wanted.name,
        "domain_id": wanted.domain_id,
        "email": wanted.email,
        "enabled": False,
        "created_at": now,
        "password_hash": wanted.password_hash,
        "password_created_at": now,
        "password_expires_at": wanted.password_expires_at,
        "password_own": True,
    }
    made = True
    try:
        things.create(connection, USER, user)
    except DuplicateEntry:
        made = False  # and the rest is done all the same, so that the time tells nothing
    row = {
        "user_id": user_id,
        "email": wanted.email,
        "moderation": Moderation.PENDING,
        "lapses_at": lapses_at,
    }
    connection.execute(insert(people).values(row))
    if wanted.signs is not None:
        signing.sign(connection, user_id, wanted.signs, now)
    return made


def wait_for_moderation(
    connection: Connection, user_id: str, domain_id: str, email: str, verified: bool, now: int
) -> None:
    """
    A user whom another provider vouches for waits for a moderator.  email: as the provider tells
    it; verified: it has seen that it is the user's.  Whoever has it already keeps it.
    """
    try:
        email = read_address(email)
    except BadField:
        email = ""  # and no letters
    row = {
        "user_id": user_id,
        "email": email,
        "moderation": Moderation.PENDING,
        "verified_at": now,
    }
    connection.execute(insert(people).values(row))
    if verified and email:
        with suppress(AddressTaken):
            addresses.claim(connection, domain_id, email, user_id)


def give_again(
    connection: Connection, domain_id: str, email: str, verify_s: int, doing: Doing
) -> tuple[Person | None, str]:
    """
    The latest unverified registration with the address, which lives on for that, and another link
    for it; those before end.  None: there is none, and the caller undoes what was done for nobody.
    """
    found = records.unverified_of(connection, domain_id, email)
    user_id, ends_at = found.user_id if found else uuid.uuid4().hex, doing.now + verify_s
    later = update(people).where(people.c.user_id == user_id, people.c.verified_at.is_(None))
    lives = connection.execute(later.values(lapses_at=ends_at)).rowcount
    links.end(connection, "verify", user_id)
    link = links.give(connection, "verify", user_id, email, ends_at)
    return (found if lives else None), link


def to_verify(connection: Connection, value: str, now: int) -> Person:
    """
    Whose address the link would verify.  Raises LinkWorthless.
    """
    return _person_of(connection, links.look(connection, "verify", value, now), records.fetch)


def _person_of(
    connection: Connection, link: Link | None, get: Callable[[Connection, str], Person]
) -> Person:
    if link is None:
        raise LinkWorthless
    try:
        return get(connection, link.user_id)
    except NoSuchPerson as error:
        raise LinkWorthless from error


def verify(connection: Connection, value: str, settings: SignUp, doing: Doing) -> Person:
    """
    The person, whose address is verified by the link; accepted at once when the settings say so.
    Raises LinkWorthless and AddressTaken.
    """
    link = links.take(connection, "verify", value, doing.now)
    person = _person_of(connection, link, records.lock)
    return verified(connection, person, settings, doing)


def verified(connection: Connection, person: Person, settings: SignUp, doing: Doing) -> Person:
    """
    The same of a person whose address is known to be right.  Raises NotInThatState, AddressTaken.
    """
    if person.state is not State.UNVERIFIED:
        raise NotInThatState("verify", person.state)
    addresses.claim(connection, person.domain_id, person.email, person.user_id)
    known = update(people).where(people.c.user_id == person.user_id)
    connection.execute(known.values(verified_at=doing.now, lapses_at=None))
    links.end(connection, "verify", person.user_id)
    reason = settings.accepted_by(person.email)
    if reason:
        return accept(connection, person.user_id, reason, doing)
    return records.fetch(connection, person.user_id)
