"""
Tags of networks, subnets, ports and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, not_, or_, select

from synnefo_tx.network.rows.tables import resource_tags

TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")


def of_things(connection: Connection, kind: str, thing_ids: Iterable[str]) -> dict[str, list[str]]:
    """
    Each thing's tags, in their order.
    """
    found: dict[str, list[str]] = {}
    for row in connection.execute(
        select(resource_tags)
        .where(resource_tags.c.kind == kind, resource_tags.c.thing_id.in_(list(thing_ids)))
        .order_by(resource_tags.c.tag)
    ):
        found.setdefault(row.thing_id, []).append(row.tag)
    return found


def put(connection: Connection, kind: str, thing_id: str, tags: Iterable[str]) -> None:
    """
    These are the thing's tags, and no others.
    """
    forget(connection, kind, [thing_id])
    for tag in sorted(set(tags)):
        connection.execute(insert(resource_tags).values(kind=kind, thing_id=thing_id, tag=tag))


def forget(connection: Connection, kind: str, thing_ids: Sequence[str]) -> None:
    """
    The things have no tags.
    """
    connection.execute(
        delete(resource_tags).where(
            resource_tags.c.kind == kind, resource_tags.c.thing_id.in_(thing_ids)
        )
    )


def tagged(
    kind: str, thing_id: ColumnElement[Any], name: str, values: Sequence[str]
) -> ColumnElement[bool]:
    """
    The filter called `name`, of TAG_FILTERS, over things of these ids: all of the tags or any, or
    not so.
    """

    def has(tag: str) -> ColumnElement[bool]:
        return (
            select(resource_tags.c.tag)
            .where(
                resource_tags.c.kind == kind,
                resource_tags.c.thing_id == thing_id,
                resource_tags.c.tag == tag,
            )
            .exists()
        )

    wanted = [has(tag) for value in values for tag in value.split(",")]
    whole = or_(*wanted) if name.endswith("any") else and_(*wanted)
    return not_(whole) if name.startswith("not") else whole
