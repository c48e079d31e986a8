"""
Units of work that domains and projects, which have tags and can be disabled, share.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.identity.model import RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.accounts import NameTaken
from synnefo_tx.identity.rows.project_tags import set_tags, with_tags
from synnefo_tx.identity.rows.revocations import switched
from synnefo_tx.identity.rows.things import Kind, Thing


def create_tagged(connection: Connection, kind: Kind, thing: Thing, within: str = "") -> Thing:
    """
    A new one, with its tags.  within: where its name is unique, for NameTaken, which it raises.
    """
    tags = thing.pop("tags", ())
    try:
        made = things.create(connection, kind, thing)
    except things.DuplicateEntry as error:
        raise NameTaken(kind.noun, thing["name"], thing["id"], within) from error
    set_tags(connection, made["id"], tags)
    return made | {"tags": sorted(tags)}


def change_tagged(
    connection: Connection,
    kind: Kind,
    before: Thing,
    changes: Thing,
    now: int,
    horizon_s: int,
    within: str = "",
) -> Thing:
    """
    As `things.change`; every worker learns when it is enabled or disabled, which ends tokens.

    Raises NameTaken.
    """
    tags = changes.pop("tags", None)
    try:
        after = things.change(connection, kind, before["id"], changes)
    except things.DuplicateEntry as error:
        name: str = (before | changes)["name"]
        raise NameTaken(kind.noun, name, before["id"], within) from error
    enabled: bool = after["enabled"]
    if enabled != before["enabled"]:
        revoked = RevocationKind(kind.noun)
        switched(connection, revoked, before["id"], enabled, now, horizon_s)
    if tags is not None:
        set_tags(connection, before["id"], tags)
    return with_tags(connection, [after])[0]
