"""
Parsers of NBD.
"""

from __future__ import annotations

import contextlib
import struct

from archipelagod.nbd import numbers as n
from archipelagod.nbd.negotiation import Negotiation
from archipelagod.nbd.options import Export, Listed, parse_contexts, parse_info
from archipelagod.nbd.questions import (
    Answer,
    Disconnected,
    Question,
    Refusal,
    Secured,
    Tls,
    Transmission,
    Wanted,
    WantedList,
)
from tests.fuzz.cursor import Cursor
from tests.fuzz.messages import counted

MAX_HELD = n.MAX_OPTION_DATA + 4096
_OPTION = struct.Struct(">QII")


def options(data: bytes) -> None:
    """
    Data of options is a value or None.
    """
    parse_info(data)
    parse_contexts(data)


def negotiation(data: bytes) -> None:
    """
    A client says anything, raw or in whole options: it is answered or disconnected.
    """
    cursor = Cursor(data)
    choice = cursor.number()
    negotiating = Negotiation(tuple(Tls)[choice % 3])
    with contextlib.suppress(Disconnected):
        outcome = _fed(negotiating, struct.pack(">I", 1 + (choice & 2)), 0)
        while not cursor.is_at_end and not isinstance(outcome, Transmission):
            counted(1)
            chunk = cursor.bytes(200) if choice & 4 else option(cursor)
            outcome = _fed(negotiating, chunk, choice)
    negotiating.take()
    assert len(negotiating._pending) <= MAX_HELD


def option(cursor: Cursor) -> bytes:
    """
    One that is whole; what it says may be nonsense.
    """
    number = cursor.number() % 13
    if cursor.number() & 1:
        data = cursor.bytes(cursor.number(2))
    else:
        name = cursor.bytes(cursor.number() % 9)
        rest = cursor.bytes(2 * (cursor.number() % 4))
        front = struct.pack(">I", len(name)) + name
        if number in (n.OPT_LIST_META_CONTEXT, n.OPT_SET_META_CONTEXT):
            query = (b"base:allocation", b"base:", b"x", b"")[cursor.number() % 4]
            data = front + struct.pack(">II", 1, len(query)) + query
        else:
            data = front + struct.pack(">H", len(rest) // 2) + rest
    return _OPTION.pack(n.OPTION_MAGIC, number, len(data)) + data


def _fed(negotiating: Negotiation, chunk: bytes, choice: int) -> Question | Transmission | None:
    outcome = negotiating.receive(chunk)
    for _ in range(1000):
        if outcome is None or isinstance(outcome, Transmission):
            return outcome
        negotiating.take()
        outcome = negotiating.answer(_answer(outcome, choice))
    raise AssertionError("endless questions")


def _answer(question: Question, choice: int) -> Answer:
    if choice & 8:
        return Refusal(n.REP_ERR_UNKNOWN, "no")
    if isinstance(question, Wanted):
        return Export(question.name, 1 << 30, bool(choice & 16))
    if isinstance(question, WantedList):
        return [] if question.marker else [Listed("v", False)]
    return Secured()
