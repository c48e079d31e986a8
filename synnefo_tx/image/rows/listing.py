"""
Pages of images, filtered, sorted and cut by key in the database.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from synnefo_tx.errors import BadRequest
from synnefo_tx.image.errors import ImageNotFound
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rows.images import COLUMNS, get, loaded, visible_to
from synnefo_tx.image.rows.tables import image_tags, images
from synnefo_tx.image.rules.listing import TIMES, Comparison, Listing

_NULL_STANDS_FOR: dict[str, str | int] = {
    "name": "",
    "container_format": "",
    "disk_format": "",
    "size": 0,
}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda column, values: column.in_(values),
}


def page(connection: Connection, listing: Listing, viewer: Viewer) -> list[Image]:
    """
    The images that `listing` asks for.  Raises BadRequest for a marker that is not there.
    """
    if listing.limit == 0:
        return []
    wanted = (
        select(*COLUMNS)
        .where(images.c.status != "deleted", visible_to(viewer, listing.member_status))
        .where(_of_visibility(listing, viewer), *map(_comparison, listing.comparisons))
        .where(*map(_tagged, listing.tags), *(_with_property(*p) for p in listing.properties))
        .order_by(*(_order(key, down) for key, down in listing.sort))
        .limit(listing.limit)
    )
    if listing.marker is not None:
        try:
            marker = get(connection, listing.marker, viewer)
        except ImageNotFound as error:
            raise BadRequest(str(error)) from error
        wanted = wanted.where(_after(marker, listing.sort))
    return loaded(connection, connection.execute(wanted).all())


def _of_visibility(listing: Listing, viewer: Viewer) -> ColumnElement[bool]:
    if listing.visibility is None:  # other projects' community images only when asked for
        return or_(images.c.owner == viewer.project_id, images.c.visibility != "community")
    if listing.visibility == "all":
        return images.c.visibility.is_not(None)
    return images.c.visibility == listing.visibility


def _comparison(comparison: Comparison) -> ColumnElement[bool]:
    column: ColumnElement[Any] = images.c[comparison.column]
    if comparison.column in TIMES:  # clients see, and so compare with, whole seconds
        column = column - column % 1_000_000
    condition: ColumnElement[bool] = _COMPARE[comparison.how](column, comparison.value)
    return condition


def _tagged(tag: str) -> ColumnElement[bool]:
    return images.c.id.in_(select(image_tags.c.image_id).where(image_tags.c.value == tag))


def _with_property(name: str, value: str) -> ColumnElement[bool]:
    if '"' in name or "\\" in name:  # SQLite's paths can't say it, and no sane property has it
        return false()
    condition: ColumnElement[bool] = images.c.properties[name].as_string() == value
    return condition


def _sorted_by(key: str) -> ColumnElement[Any]:
    column: ColumnElement[Any] = images.c[key]
    return func.coalesce(column, _NULL_STANDS_FOR[key]) if key in _NULL_STANDS_FOR else column


def _order(key: str, down: bool) -> ColumnElement[Any]:
    return _sorted_by(key).desc() if down else _sorted_by(key).asc()


def _after(marker: Image, sort: tuple[tuple[str, bool], ...]) -> ColumnElement[bool]:
    """
    Comes later than `marker`: the first key that differs decides.
    """
    choices = []
    equal: list[ColumnElement[bool]] = []
    for key, down in sort:
        column = _sorted_by(key)
        value = getattr(marker, key)
        if value is None:
            value = _NULL_STANDS_FOR[key]
        choices.append(and_(*equal, column < value if down else column > value))
        equal.append(column == value)
    return or_(*choices)
