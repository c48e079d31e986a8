"""
Answers that are not simply values to be written as JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen
from twisted.web.server import Request

JSON = "application/json"


@frozen
class Encoded:
    """JSON that was encoded before."""

    body: bytes


@frozen
class Document:
    """Something that is not JSON, or JSON under a type of its own."""

    body: bytes
    content_type: str


@frozen
class Taken:
    """
    The handler itself goes on with the request, such as for a stream.

    begin: is called once, after the request was let in.
    """

    begin: Callable[[Request], Awaitable[None]]


@frozen
class Page:
    """A part of a collection.  after: where the next part begins; None: this was the last."""

    value: Any
    after: str | None = None
