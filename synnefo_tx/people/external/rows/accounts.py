"""
Units of work on the accounts of those who log in by another provider.
"""

from __future__ import annotations

import uuid
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Row, Update, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.identity.model import RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.revocations import switched
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.identity.rows.things import DuplicateEntry, Thing
from synnefo_tx.people.external.errors import BelongsToOther, NameInUse, NoAccount
from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.rows.given import give_and_take
from synnefo_tx.people.external.rows.tables import external_accounts as table
from synnefo_tx.people.external.settings import AccountRules
from synnefo_tx.people.rows.registering import wait_for_moderation


@frozen
class Moment:
    """
    now: seconds.  horizon_s: how long tokens of now may live.
    """

    now: int
    horizon_s: int


@frozen
class Listed:
    """
    identifiers: of all whom a provider has.  begun_at: when listing them began, in seconds: who
    has logged in since may have come meanwhile.
    """

    identifiers: frozenset[str]
    begun_at: int


@frozen
class Settled:
    """
    Whose account it is, and what was done: "made", "added" or "refreshed".
    """

    user_id: str
    done: str


def settle(
    connection: Connection, person: Person, rules: AccountRules, adding_to: str, moment: Moment
) -> Settled:
    """
    The person's account, brought to what the provider tells.  adding_to: id of a user who is
    logged in, and adds the provider; "": whoever it is.

    An equal name or e-mail address gives nobody an account.  Raises NoAccount, NameInUse and
    BelongsToOther.
    """
    owner = owner_of(connection, person.provider, person.identifier)
    done = "refreshed"
    if adding_to and owner not in ("", adding_to):
        raise BelongsToOther
    if not owner:
        if not (adding_to or rules.create):
            raise NoAccount
        owner = adding_to or _made(connection, person, rules, moment.now)
        _link(connection, person, owner, moment.now)
        done = "added" if adding_to else "made"
    _refresh(connection, person, owner, rules, moment)
    give_and_take(connection, person, owner, rules, moment.now, moment.horizon_s)
    return Settled(owner, done)


def owner_of(connection: Connection, provider: str, identifier: str) -> str:
    """
    Id of the user whose log-in it is; "": nobody's.
    """
    found = (
        select(users.c.id)
        .join(table, table.c.user_id == users.c.id)
        .where(table.c.provider == provider, table.c.identifier == identifier)
    )
    return connection.execute(found).scalar() or ""


def log_ins_of(connection: Connection, user_id: str) -> list[tuple[str, str]]:
    """
    The providers, with identifiers, by which a user logs in.
    """
    found = select(table.c.provider, table.c.identifier).where(table.c.user_id == user_id)
    return [(row.provider, row.identifier) for row in connection.execute(found.order_by(*table.c))]


def unlink(
    connection: Connection, user_id: str, provider: str, rules: AccountRules, moment: Moment
) -> bool:
    """
    The provider is none of the user's any more, and what it gave goes.  False: it was not.
    """
    gone = connection.execute(
        delete(table).where(table.c.user_id == user_id, table.c.provider == provider)
    )
    nothing = Person(provider, "", "")
    give_and_take(connection, nothing, user_id, rules, moment.now, moment.horizon_s)
    return bool(gone.rowcount)


def mark_gone(
    connection: Connection, provider: str, listed: Listed, rules: AccountRules, moment: Moment
) -> list[str]:
    """
    Users whom the provider has no more are disabled, and their tokens end; their ids.  Accounts
    that have only added it stay, without what it gave them.  When it has none of ours, nobody is
    touched: such a directory is more likely broken than everybody gone.
    """
    known = select(table).where(
        table.c.provider == provider, table.c.gone_at.is_(None), table.c.seen_at < listed.begun_at
    )
    rows = connection.execute(known).all()
    absent = [row for row in rows if row.identifier not in listed.identifiers]
    if len(absent) == len(rows):
        return []
    return [row.user_id for row in absent if _gone(connection, row, rules, moment)]


def _gone(connection: Connection, row: Row[Any], rules: AccountRules, moment: Moment) -> bool:
    """
    False: the user is not disabled by us, and it is not us who will enable the user.
    """
    user = things.find(connection, USER, row.user_id)
    if user is None:
        return False
    if not _is_kept_there(user, rules):
        nothing = Person(row.provider, "", "")
        give_and_take(connection, nothing, user["id"], rules, moment.now, moment.horizon_s)
    else:
        switch = update(users).where(users.c.id == row.user_id, users.c.enabled)
        if not connection.execute(switch.values(enabled=False)).rowcount:
            return False
        switched(connection, RevocationKind.USER, row.user_id, False, moment.now, moment.horizon_s)
    connection.execute(_link_of(row.provider, row.identifier).values(gone_at=moment.now))
    return _is_kept_there(user, rules)


def _is_kept_there(user: Thing, rules: AccountRules) -> bool:
    """
    Whether the account is the provider's own, and not one that has only added it.
    """
    return user["domain_id"] == rules.domain_id and user["password_hash"] is None


def _made(connection: Connection, person: Person, rules: AccountRules, now: int) -> str:
    user_id = uuid.uuid4().hex
    user: Thing = {
        "id": user_id,
        "name": person.name,
        "domain_id": rules.domain_id,
        "password_hash": None,
        "enabled": not rules.moderated,
        "created_at": now,
    }
    if person.email:
        user["email"] = person.email
    try:
        things.create(connection, USER, user)
    except DuplicateEntry as error:
        raise NameInUse from error
    if rules.moderated:
        told = (rules.domain_id, person.email, person.email_verified)
        wait_for_moderation(connection, user_id, *told, now)
    return user_id


def _link(connection: Connection, person: Person, user_id: str, now: int) -> None:
    stale = (table.c.provider == person.provider) & (table.c.identifier == person.identifier)
    connection.execute(delete(table).where(stale, table.c.user_id.not_in(select(users.c.id))))
    try:
        with connection.begin_nested():
            connection.execute(
                insert(table).values(
                    provider=person.provider,
                    identifier=person.identifier,
                    user_id=user_id,
                    seen_at=now,
                )
            )
    except IntegrityError as error:  # another transaction was quicker
        raise BelongsToOther from error


def _refresh(
    connection: Connection, person: Person, user_id: str, rules: AccountRules, moment: Moment
) -> None:
    row = connection.execute(
        select(table.c.gone_at).where(
            table.c.provider == person.provider, table.c.identifier == person.identifier
        )
    ).one()
    before = things.fetch(connection, USER, user_id)
    changes: Thing = {}
    if person.named_there and _is_kept_there(before, rules):
        told = {"name": person.name, "email": person.email}
        changes = {name: value for name, value in told.items() if before.get(name, "") != value}
    if row.gone_at is not None and not before["enabled"]:
        changes |= {"enabled": True}
    if changes:
        try:
            things.change(connection, USER, user_id, changes)
        except DuplicateEntry as error:
            raise NameInUse from error
    if "enabled" in changes:
        switched(connection, RevocationKind.USER, user_id, True, moment.now, moment.horizon_s)
    seen = _link_of(person.provider, person.identifier)
    connection.execute(seen.values(seen_at=moment.now, gone_at=None))


def _link_of(provider: str, identifier: str) -> Update:
    return update(table).where(table.c.provider == provider, table.c.identifier == identifier)
