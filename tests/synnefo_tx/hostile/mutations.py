"""
Good requests made strange.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

# Of the wrong type, too large, too long, or no text that a database takes.
STRANGE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    2**64 + 1,
    10**40,
    1.5,
    1e308,
    "",
    " ",
    "0",
    "-1",
    "x" * 256,
    "y" * 70000,
    "\x00",
    "\ud800",
    "é" * 100,
    "%s%n",
    "../../etc/passwd",
    "00000000-0000-0000-0000-000000000000",
    "1.2.3.4/33",
    "::/0",
    [],
    [None],
    [[]],
    [{}],
    {},
    {"": ""},
    {"id": None},
)
NAMES = ("nonsense", "id", "", "\x00", "x" * 300, "project_id", "links")

Path = tuple[str | int, ...]


def places(body: Any, at: Path = ()) -> Iterator[Path]:
    """
    Every place of a JSON value, itself the first.
    """
    yield at
    if isinstance(body, dict):
        for name, value in body.items():
            yield from places(value, (*at, name))
    elif isinstance(body, list):
        for number, value in enumerate(body):
            yield from places(value, (*at, number))


def put(body: Any, at: Path, value: Any) -> Any:
    """
    A copy with `value` at a place.
    """
    if not at:
        return value
    changed = copy.deepcopy(body)
    inner = changed
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    return changed


def taken_out(body: Any, at: Path) -> Any:
    """
    A copy without what is at a place.
    """
    if not at:
        return None
    changed = copy.deepcopy(body)
    inner = changed
    for step in at[:-1]:
        inner = inner[step]
    del inner[at[-1]]
    return changed


@st.composite
def strange(draw: st.DrawFn, body: Any) -> Any:
    """
    The body with one to three changes: something strange put in, left out, or added.
    """
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from(list(places(body))))
        kind = draw(st.sampled_from(("put", "put", "put", "take", "add")))
        if kind == "take":
            body = taken_out(body, at)
        elif kind == "add" and isinstance(_inner(body, at), dict):
            name = draw(st.sampled_from(NAMES))
            body = put(body, (*at, name), draw(st.sampled_from(STRANGE)))
        else:
            body = put(body, at, draw(st.sampled_from(STRANGE)))
    return body


def _inner(body: Any, at: Path) -> Any:
    for step in at:
        body = body[step]
    return body
