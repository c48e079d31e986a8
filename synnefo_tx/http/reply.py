"""
What a handler answers: a status, headers and a body, whole or streamed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from attrs import field, frozen


@frozen
class Reply:
    """
    One response.  `stream`, when given, is sent instead of `body`; `length` is then its length in
    bytes when known.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=())
    stream: AsyncIterator[bytes] | None = None
    length: int | None = None


def json_reply(value: object, status: int = 200, *headers: tuple[str, str]) -> Reply:
    """
    `value` as a JSON body.
    """
    return Reply(status=status, body=msgspec.json.encode(value), headers=headers)


def empty_reply(status: int = 204, *headers: tuple[str, str]) -> Reply:
    """
    A response without a body.
    """
    return Reply(status=status, headers=headers)
