"""
What a list of images is asked to hold: from the query's pairs to a value.  Pure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime

from attrs import frozen

from synnefo_tx.errors import BadRequest
from synnefo_tx.image.schemas import VISIBILITIES

DEFAULT_LIMIT = 25
MAX_LIMIT = 1000  # Glance's api_limit_max
SORT_KEYS = (
    *("name", "status", "container_format", "disk_format", "size", "id"),
    *("created_at", "updated_at"),
)
_TEXTS = ("name", "id", "status", "container_format", "disk_format")
_EQUALS = ("owner", "checksum", "os_hash_value", "os_hash_algo")
_NUMBERS = ("size", "virtual_size", "min_disk", "min_ram")
TIMES = ("created_at", "updated_at")
_PAGE = ("limit", "marker", "member_status", "tag", "sort", "sort_key", "sort_dir", "visibility")
_BIGGEST = 2**63 - 1


@frozen
class Comparison:
    """
    `column how value`; how: eq neq gt gte lt lte in.
    """

    column: str
    how: str
    value: str | int | bool | tuple[str, ...]


@frozen
class Listing:
    """
    sort: (key, descending?), always ending in what tells any two images apart.
    visibility: None for the default view, "all" for no restriction.
    """

    comparisons: tuple[Comparison, ...]
    tags: tuple[str, ...]
    properties: tuple[tuple[str, str], ...]
    visibility: str | None
    member_status: str
    sort: tuple[tuple[str, bool], ...]
    limit: int
    marker: str | None


def listing(pairs: Sequence[tuple[str, str]]) -> Listing:
    """
    The query's meaning.  Raises BadRequest in Glance's words.
    """
    last = dict(pairs)
    comparisons: list[Comparison] = [_hidden(last.get("os_hidden", "false"))]
    properties = []
    for name, text in last.items():
        if name in _PAGE or name == "os_hidden":
            continue
        comparison = _filter(name, text)
        if comparison is None:
            properties.append((name, text))
        else:
            comparisons.append(comparison)
    return Listing(
        comparisons=tuple(comparisons),
        tags=tuple(text.strip() for name, text in pairs if name == "tag"),
        properties=tuple(properties),
        visibility=_visibility(last.get("visibility")),
        member_status=_member_status(last.get("member_status", "accepted")),
        sort=_sort(pairs),
        limit=_limit(last.get("limit")),
        marker=last.get("marker"),
    )


def _hidden(text: str) -> Comparison:
    if text.lower() not in ("true", "false"):
        raise BadRequest(
            f"Invalid value '{text.lower()}' for 'os_hidden' filter. "
            "Valid values are 'true' or 'false'."
        )
    return Comparison("os_hidden", "eq", text.lower() == "true")


def _filter(name: str, text: str) -> Comparison | None:
    """
    None for what can only be a custom property.
    """
    if name == "changes-since":
        raise BadRequest('The "changes-since" filter is no longer available on v2.')
    if name == "protected":
        if text not in ("true", "false"):
            raise BadRequest(
                f"Invalid value '{text}' for 'protected' filter. "
                "Valid values are 'true' or 'false'."
            )
        return Comparison("protected", "eq", text == "true")
    if name[:-4] in _NUMBERS and name[-4:] in ("_min", "_max"):
        how = "gte" if name.endswith("_min") else "lte"
        return Comparison(
            name[:-4], how, _number(text, "Unable to filter on a range with a non-numeric value.")
        )
    if name in _NUMBERS:
        return Comparison(name, "eq", _number(text, f"Invalid value for '{name}' filter: {text}"))
    if name in TIMES:
        return _time(name, text)
    if name in _TEXTS:
        return _text(name, text)
    return Comparison(name, "eq", text) if name in _EQUALS else None


def _number(text: str, complaint: str) -> int:
    try:
        value = int(text)
    except ValueError as error:
        raise BadRequest(complaint) from error
    return max(-_BIGGEST, min(value, _BIGGEST))


def _time(name: str, text: str) -> Comparison:
    how, colon, rest = text.partition(":")
    if not colon or not how.isalpha():  # a bare time has colons too
        how, rest = "eq", text
    if how not in ("eq", "neq", "gt", "gte", "lt", "lte"):
        raise BadRequest(f"Unable to filter by unknown operator '{how}'.")
    try:
        moment = datetime.fromisoformat(rest.replace(" ", "+"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        value = round(moment.timestamp() * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise BadRequest(
            f'Bad "{name}" query filter format. Use ISO 8601 DateTime notation.'
        ) from error
    return Comparison(name, how, value)


def _text(name: str, text: str) -> Comparison:
    how, colon, rest = text.partition(":")
    if not colon:
        return Comparison(name, "eq", text)
    if how == "eq":
        return Comparison(name, "eq", rest)
    if how != "in":
        raise BadRequest(f"Unable to filter by unknown operator '{how}'.")
    return Comparison(name, "in", _listed(rest))


def _listed(text: str) -> tuple[str, ...]:
    """
    The values of 'in:a,"b,c"'.
    """
    if text.replace('\\"', "").count('"') % 2:
        raise BadRequest(f"Invalid filter value {text}. The quote is not closed.")
    rows = list(csv.reader(io.StringIO(text), escapechar="\\"))
    return tuple(value for row in rows for value in row)


def _visibility(text: str | None) -> str | None:
    if text and text not in (*VISIBILITIES, "all"):
        raise BadRequest(f"Invalid visibility value: {text}")
    return text or None


def _member_status(text: str) -> str:
    if text not in ("pending", "accepted", "rejected", "all"):
        raise BadRequest(f"Invalid status: {text}")
    return text


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    try:
        value = int(text)
    except ValueError as error:
        raise BadRequest("limit param must be an integer") from error
    if value < 0:
        raise BadRequest("limit param must be positive")
    return min(value, MAX_LIMIT)


def _sort(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, bool], ...]:
    keys = [_key(text) for name, text in pairs if name == "sort_key"]
    directions = [_direction(text) for name, text in pairs if name == "sort_dir"]
    both = dict(pairs).get("sort")
    if both is not None:
        if keys or directions:
            raise BadRequest("Old and new sorting syntax cannot be combined")
        for part in both.strip().split(","):
            key, _, direction = part.partition(":")
            keys.append(_key(key))
            directions.append(_direction(direction or "desc"))
    elif len(directions) > 1 and len(directions) != len(keys):
        raise BadRequest("Number of sort dirs does not match the number of sort keys")
    default = directions[0] if len(directions) == 1 else True
    keys = keys or ["created_at"]
    if len(directions) < 2:
        directions = [default] * len(keys)
    order = dict(reversed(list(zip(keys, directions, strict=True))))  # the first mention counts
    sort = [(key, order[key]) for key in dict.fromkeys(keys)]
    return (*sort, *((key, default) for key in ("created_at", "id") if key not in order))


def _key(text: str) -> str:
    key = text.strip()
    if key not in SORT_KEYS:
        raise BadRequest(
            f"Invalid sort key: {key}. It must be one of the following: {', '.join(SORT_KEYS)}."
        )
    return key


def _direction(text: str) -> bool:
    direction = text.strip()
    if direction not in ("asc", "desc"):
        raise BadRequest(f"Invalid sort direction: {direction}")
    return direction == "desc"
