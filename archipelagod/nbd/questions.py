"""
What a negotiation asks of its own side, what it is answered, and how it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from archipelagod.nbd.options import Export, Listed


class Tls(Enum):
    """
    What a connection says of TLS.
    """

    ABSENT = "absent"
    OFFERED = "offered"
    REQUIRED = "required"  # nothing is told without


@dataclass(frozen=True)
class Refusal:
    """
    Why a client may not: an NBD error number, and one line.
    """

    code: int
    text: str


@dataclass(frozen=True)
class Transmission:
    """
    The client goes on.  ``leftover`` it sent already, ``farewell`` is still to be sent to it.
    """

    export: Export
    is_structured: bool
    has_status: bool
    farewell: bytes
    leftover: bytes


@dataclass(frozen=True)
class Wanted:
    """
    A question to our side: may the client use (or just know of) the export ``name``?  Answer with
    ``Negotiation.answer``.
    """

    name: str
    is_to_open: bool


@dataclass(frozen=True)
class WantedList:
    """
    A question to our side: which exports come after ``marker``?  Answer with some of them, none at
    the end of the list; the next question follows when these were sent.
    """

    marker: str


@dataclass(frozen=True)
class WantedTls:
    """
    A question to our side: send what there is to send, then go on with TLS.  Answer with Secured.
    """


@dataclass(frozen=True)
class Secured:
    """
    What is received from here on came through TLS.
    """


Answer = Export | Refusal | Sequence[Listed] | Secured
Question = Wanted | WantedList | WantedTls


class Disconnected(Exception):
    """
    The client is to be disconnected: it asked for it, or broke the grammar.
    """
