"""
Units of work on credentials whose secrets are sealed.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, and_, select, true, update

from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.delegation_tables import credentials
from synnefo_tx.identity.rows.kinds import CREDENTIAL, PROJECT, USER
from synnefo_tx.identity.rows.things import Kind, Thing
from synnefo_tx.identity.rules.totp import TOTP
from synnefo_tx.identity.secret_box import SecretGarbled

EC2 = "ec2"
BATCH = 500


def create_ec2(connection: Connection, kind: Kind, thing: Thing) -> Thing:
    """
    A new EC2 credential.  Raises AccountNotFound for its user or its project.
    """
    things.fetch(connection, USER, thing["user_id"])
    things.fetch(connection, PROJECT, thing["project_id"])
    return things.create(connection, kind, thing)


def ec2_of(connection: Connection, user_id: str) -> list[Thing]:
    """
    The user's EC2 credentials.  Raises AccountNotFound.
    """
    things.fetch(connection, USER, user_id)
    wanted = (
        select(credentials)
        .where(credentials.c.user_id == user_id, credentials.c.type == EC2)
        .order_by(credentials.c.id)
    )
    return [things.thing_of(CREDENTIAL, row) for row in connection.execute(wanted).mappings()]


def visible(user_id: str | None, project_id: str | None) -> ColumnElement[bool]:
    """
    For `list_things`: credentials of the user (None: of all), and of the project (None: of all and
    of none).  Second factors are of no project.
    """
    seen: list[ColumnElement[bool]] = [true()]
    if user_id is not None:
        seen.append(credentials.c.user_id == user_id)
    if project_id is not None:
        seen += [credentials.c.project_id == project_id, credentials.c.type != TOTP]
    return and_(*seen)


def seal_anew(connection: Connection, seal: Callable[[str], str], after: str = "") -> str | None:
    """
    Seal a batch with the newest key, before the oldest is dropped.  after: an id; the answer is the
    one to go on after, None at the end.  Raises SecretGarbled, which names the credential.
    """
    rows = connection.execute(
        select(credentials.c.id, credentials.c.blob)
        .where(credentials.c.id > after)
        .order_by(credentials.c.id)
        .limit(BATCH)
        .with_for_update()
    ).all()
    for row in rows:
        try:
            blob = seal(row.blob)
        except SecretGarbled as error:
            raise SecretGarbled(f"credential {row.id}") from error
        this = update(credentials).where(credentials.c.id == row.id)
        connection.execute(this.values(blob=blob))
    return rows[-1].id if rows else None
