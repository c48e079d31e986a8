"""
Units of work on the groups and the roles that a provider gives, and takes away again.  What others
have given stays as it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, insert, select

from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.grants import Grant, grant, take_away
from synnefo_tx.identity.rows.kinds import GROUP
from synnefo_tx.identity.rows.memberships import add_member, is_member, remove_member
from synnefo_tx.identity.rows.revocations import revoke
from synnefo_tx.identity.rows.tables import groups, projects, roles
from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.rows.tables import (
    external_grants,
    external_groups,
    external_memberships,
)
from synnefo_tx.people.external.settings import AccountRules


def give_and_take(
    connection: Connection,
    person: Person,
    user_id: str,
    rules: AccountRules,
    now: int,
    horizon_s: int,
) -> None:
    """
    The user is in the groups, and has the roles, that the provider tells of; those that it told of
    before and does not any more end, with the tokens that they gave.
    """
    mine = (person.provider, user_id)
    inside = _given(connection, external_memberships, mine)
    wanted = {(group_id,) for group_id in _groups(connection, person, rules)}
    for (group_id,) in sorted(inside - wanted):
        remove_member(connection, user_id, group_id, now, horizon_s)
        _forget(connection, external_memberships, mine, (group_id,))
    for (group_id,) in sorted(wanted - inside):
        if not is_member(connection, user_id, group_id):
            add_member(connection, user_id, group_id)
            _remember(connection, external_memberships, mine, (group_id,))
    held = _given(connection, external_grants, mine)
    due = _roles(connection, person, rules)
    for place in sorted(held - due):
        if take_away(connection, _grant(user_id, place)):
            subject = f"{user_id}/{place[0]}"
            ended = Revocation(RevocationKind.GRANT, subject, now, now + horizon_s)
            revoke(connection, ended, now)
        _forget(connection, external_grants, mine, place)
    for place in sorted(due - held):
        if grant(connection, _grant(user_id, place)):
            _remember(connection, external_grants, mine, place)


def _groups(connection: Connection, person: Person, rules: AccountRules) -> set[str]:
    """
    Ids of the groups in which the person is to be.
    """
    named = {rules.groups[name] for name in person.groups if name in rules.groups}
    found = set(_ids(connection, groups, rules.domain_id, named).values())
    if rules.mirror_groups:
        mirrored = [name for name in person.groups if name not in rules.groups]
        found |= _mirrored(connection, person.provider, rules.domain_id, mirrored)
    return found


def _mirrored(connection: Connection, provider: str, domain_id: str, names: list[str]) -> set[str]:
    """
    Ids of the provider's own groups of these names.  A group that others have made is left alone:
    it may open what the provider knows nothing of.
    """
    there = _ids(connection, groups, domain_id, names)
    own = select(external_groups.c.group_id).where(
        external_groups.c.provider == provider, external_groups.c.group_id.in_(there.values())
    )
    found = {row.group_id for row in connection.execute(own)}
    for name in names:
        if name not in there:
            group = {"id": uuid.uuid4().hex, "name": name, "domain_id": domain_id}
            found.add(things.create(connection, GROUP, group)["id"])
            connection.execute(
                insert(external_groups).values(group_id=group["id"], provider=provider)
            )
    return found


def _roles(connection: Connection, person: Person, rules: AccountRules) -> set[tuple[str, ...]]:
    """
    The roles that the person is to have: ids of project and role.
    """
    places = _ids(connection, projects, rules.domain_id, [name for name, _ in person.roles])
    ranks = _ids(connection, roles, "", [name for _, name in person.roles])
    return {
        (places[project], ranks[role])
        for project, role in person.roles
        if project in places and role in ranks
    }


def _ids(
    connection: Connection, table: Table, domain_id: str, names: Iterable[str]
) -> dict[str, str]:
    """
    By name, those that there are.
    """
    found = select(table.c.name, table.c.id).where(
        table.c.domain_id == domain_id, table.c.name.in_(set(names))
    )
    return {row.name: row.id for row in connection.execute(found)}


def _grant(user_id: str, place: tuple[str, ...]) -> Grant:
    project_id, role_id = place
    return Grant("user", user_id, "project", project_id, role_id)


def _given(connection: Connection, table: Table, mine: tuple[str, str]) -> set[tuple[str, ...]]:
    _, _, *rest = table.primary_key.columns
    return {tuple(row) for row in connection.execute(select(*rest).where(_are(table, mine)))}


def _remember(
    connection: Connection, table: Table, mine: tuple[str, str], what: tuple[str, ...]
) -> None:
    names = [column.name for column in table.primary_key.columns]
    connection.execute(insert(table).values(dict(zip(names, mine + what, strict=True))))


def _forget(
    connection: Connection, table: Table, mine: tuple[str, str], what: tuple[str, ...]
) -> None:
    connection.execute(delete(table).where(_are(table, mine + what)))


def _are(table: Table, key: tuple[str, ...]) -> ColumnElement[bool]:
    """
    The rows whose primary key begins so.
    """
    columns = list(table.primary_key.columns)[: len(key)]
    return and_(*(column == value for column, value in zip(columns, key, strict=True)))
