"""
The server's side of the NBD negotiation.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.nbd import numbers as n
from archipelagod.nbd.negotiation import (
    Disconnected,
    Negotiation,
    Refusal,
    Transmission,
    Wanted,
)
from archipelagod.nbd.options import Export, transmission_flags
from tests.archipelagod.cuts import chunks

EXPORTS = {"disk": Export("disk", 1 << 20, False), "image": Export("image", 5000, True)}
FLAGS = struct.pack(">I", 3)


def option(number: int, data: bytes = b"") -> bytes:
    """An option as a client sends it."""
    return struct.pack(">QII", n.OPTION_MAGIC, number, len(data)) + data


def go(name: str, *wanted: int, number: int = n.OPT_GO) -> bytes:
    """OPT_GO, or OPT_INFO."""
    encoded = name.encode()
    infos = struct.pack(f">H{len(wanted)}H", len(wanted), *wanted)
    return option(number, struct.pack(">I", len(encoded)) + encoded + infos)


def contexts(name: str, *queries: str, number: int = n.OPT_SET_META_CONTEXT) -> bytes:
    """OPT_SET_META_CONTEXT, or its LIST twin."""
    data = struct.pack(">I", len(name)) + name.encode() + struct.pack(">I", len(queries))
    for query in queries:
        data += struct.pack(">I", len(query)) + query.encode()
    return option(number, data)


class Talk:
    """
    A negotiation whose questions are answered from EXPORTS.
    """

    def __init__(self) -> None:
        self.negotiation = Negotiation()
        self.sent = self.negotiation.take()
        self.outcome: Transmission | None = None
        self.opened: list[str] = []

    def feed(self, data: bytes) -> None:
        """What a client sends."""
        if self.outcome is not None:
            return
        try:
            found = self.negotiation.receive(data)
            while found is not None and not isinstance(found, Transmission):
                self.sent += self.negotiation.take()
                found = self.negotiation.answer(self.answer(found))
        finally:
            self.sent += self.negotiation.take()
        self.outcome = found

    def answer(self, question: object) -> Export | Refusal | Sequence[str]:
        """From EXPORTS."""
        if not isinstance(question, Wanted):
            return sorted(EXPORTS)
        if question.is_to_open:
            self.opened.append(question.name)
        return EXPORTS.get(question.name) or Refusal(n.REP_ERR_UNKNOWN, "no such volume")

    def replies(self) -> list[tuple[int, int, bytes]]:
        """Option, kind and data of the replies so far, without the greeting."""
        data = self.sent[18:]
        if self.outcome is not None:
            data += self.outcome.farewell
        found = []
        while data:
            magic, number, kind, size = struct.unpack_from(">QIII", data)
            assert magic == n.OPTION_REPLY_MAGIC
            found.append((number, kind, data[20 : 20 + size]))
            data = data[20 + size :]
        return found


def talk(*sent: bytes) -> Talk:
    """A conversation after the client's flags."""
    found = Talk()
    found.feed(FLAGS + b"".join(sent))
    return found


class NegotiationTests(SynchronousTestCase):
    """Negotiation."""

    def test_greeting(self) -> None:
        """The server speaks first: fixed newstyle, no zeroes."""
        self.assertEqual(Talk().sent, b"NBDMAGICIHAVEOPT\0\3")

    def test_go(self) -> None:
        """OPT_GO tells size and flags, acknowledges, and goes on."""
        found = talk(go("disk"))
        info = struct.pack(">HQH", 0, 1 << 20, transmission_flags(EXPORTS["disk"]))
        self.assertEqual(found.replies(), [(7, n.REP_INFO, info), (7, n.REP_ACK, b"")])
        assert found.outcome is not None
        self.assertEqual(found.outcome.export, EXPORTS["disk"])
        self.assertFalse(found.outcome.is_structured)

    def test_block_size(self) -> None:
        """Who asks for it is told of block sizes."""
        found = talk(go("disk", n.INFO_BLOCK_SIZE))
        sizes = struct.pack(">HIII", n.INFO_BLOCK_SIZE, 1, 4096, 32 << 20)
        self.assertIn((7, n.REP_INFO, sizes), found.replies())

    def test_leftover(self) -> None:
        """Requests sent with OPT_GO are handed on."""
        found = talk(go("disk"), b"request")
        assert found.outcome is not None
        self.assertEqual(found.outcome.leftover, b"request")

    def test_unknown_export(self) -> None:
        """An unknown export is refused, and the client may go on."""
        found = talk(go("nothing"), go("image"))
        self.assertEqual(found.replies()[0], (7, n.REP_ERR_UNKNOWN, b"no such volume"))
        assert found.outcome is not None
        self.assertEqual(found.outcome.export.name, "image")

    def test_info_opens_nothing(self) -> None:
        """OPT_INFO tells, and opens nothing."""
        found = talk(go("disk", number=n.OPT_INFO))
        self.assertEqual([kind for _, kind, _ in found.replies()], [n.REP_INFO, n.REP_ACK])
        self.assertIsNone(found.outcome)
        self.assertEqual(found.opened, [])

    def test_read_only(self) -> None:
        """A read-only export says so, and offers no TRIM."""
        flags = transmission_flags(EXPORTS["image"])
        self.assertTrue(flags & n.TRANSMISSION_READ_ONLY)
        self.assertFalse(flags & n.TRANSMISSION_SEND_TRIM)

    def test_export_name(self) -> None:
        """The old option is answered without a reply header."""
        found = talk(option(n.OPT_EXPORT_NAME, b"disk"))
        assert found.outcome is not None
        flags = transmission_flags(EXPORTS["disk"])
        self.assertEqual(found.outcome.farewell, struct.pack(">QH", 1 << 20, flags))

    def test_export_name_with_zeroes(self) -> None:
        """A client that didn't agree to leave them out gets 124 zeroes."""
        found = Talk()
        found.feed(struct.pack(">I", 1) + option(n.OPT_EXPORT_NAME, b"disk"))
        assert found.outcome is not None
        self.assertEqual(found.outcome.farewell[10:], bytes(124))

    def test_unknown_export_name(self) -> None:
        """The old option can only be refused by hanging up."""
        self.assertRaises(Disconnected, talk, option(n.OPT_EXPORT_NAME, b"nothing"))

    def test_list(self) -> None:
        """Every export is listed."""
        found = talk(option(n.OPT_LIST)).replies()
        self.assertEqual(
            found,
            [
                (3, n.REP_SERVER, b"\0\0\0\4disk"),
                (3, n.REP_SERVER, b"\0\0\0\5image"),
                (3, n.REP_ACK, b""),
            ],
        )

    def test_abort(self) -> None:
        """Abort is acknowledged, then the connection ends."""
        found = Talk()
        self.assertRaises(Disconnected, found.feed, FLAGS + option(n.OPT_ABORT))
        self.assertEqual(found.replies(), [(2, n.REP_ACK, b"")])

    def test_unknown_option(self) -> None:
        """Unknown options (TLS is one) are refused, their data skipped."""
        found = talk(option(n.OPT_STARTTLS), option(99, b"data"), go("disk"))
        self.assertEqual([kind for _, kind, _ in found.replies()[:2]], [n.REP_ERR_UNSUP] * 2)
        self.assertIsNotNone(found.outcome)

    def test_structured_and_status(self) -> None:
        """Structured replies and base:allocation can be had."""
        found = talk(
            option(n.OPT_STRUCTURED_REPLY), contexts("disk", "base:allocation"), go("disk")
        )
        self.assertEqual(
            found.replies()[:3],
            [
                (8, n.REP_ACK, b""),
                (10, n.REP_META_CONTEXT, b"\0\0\0\1base:allocation"),
                (10, n.REP_ACK, b""),
            ],
        )
        assert found.outcome is not None
        self.assertTrue(found.outcome.is_structured and found.outcome.has_status)

    def test_status_needs_structured(self) -> None:
        """Contexts before structured replies are refused."""
        found = talk(contexts("disk", "base:allocation"), go("disk"))
        self.assertEqual(found.replies()[0][1], n.REP_ERR_INVALID)
        assert found.outcome is not None
        self.assertFalse(found.outcome.has_status)

    def test_status_of_another(self) -> None:
        """Contexts chosen for one export don't hold for another."""
        found = talk(
            option(n.OPT_STRUCTURED_REPLY), contexts("disk", "base:allocation"), go("image")
        )
        assert found.outcome is not None
        self.assertFalse(found.outcome.has_status)

    def test_last_choice_counts(self) -> None:
        """A later choice of contexts replaces the earlier one."""
        found = talk(
            option(n.OPT_STRUCTURED_REPLY),
            contexts("disk", "base:allocation"),
            contexts("disk", "qemu:dirty-bitmap:x"),
            go("disk"),
        )
        assert found.outcome is not None
        self.assertFalse(found.outcome.has_status)

    def test_list_contexts(self) -> None:
        """Contexts can be listed, all or by namespace."""
        for queries in ((), ("base:",), ("base:allocation",)):
            found = talk(
                option(n.OPT_STRUCTURED_REPLY),
                contexts("disk", *queries, number=n.OPT_LIST_META_CONTEXT),
            )
            self.assertEqual(found.replies()[1][2], b"\0\0\0\0base:allocation")

    def test_malformed(self) -> None:
        """Options whose lengths contradict each other are refused; the client may go on."""
        bad = [b"", b"\0\0\0\1", b"\0\0\0\xffab\0\0", struct.pack(">I", 4) + b"disk\0\2\0\1"]
        for data in bad:
            for number in (n.OPT_GO, n.OPT_INFO, n.OPT_SET_META_CONTEXT):
                found = talk(option(n.OPT_STRUCTURED_REPLY), option(number, data), go("disk"))
                self.assertEqual(found.replies()[1][1], n.REP_ERR_INVALID, (number, data))
                self.assertIsNotNone(found.outcome)

    def test_data_not_wanted(self) -> None:
        """Options without data don't take any."""
        for number in (n.OPT_LIST, n.OPT_STRUCTURED_REPLY):
            found = talk(option(number, b"x"))
            self.assertEqual(found.replies()[0][1], n.REP_ERR_INVALID)

    def test_hang_up(self) -> None:
        """Wrong magic, unknown client flags and endless options end the connection."""
        self.assertRaises(Disconnected, Talk().feed, struct.pack(">I", 0x80000003))
        self.assertRaises(Disconnected, Talk().feed, struct.pack(">I", 0))
        self.assertRaises(Disconnected, talk, b"x" * 16)
        self.assertRaises(
            Disconnected, talk, struct.pack(">QII", n.OPTION_MAGIC, 3, n.MAX_OPTION_DATA + 1)
        )

    @given(st.data())
    def test_any_chunking(self, data: st.DataObject) -> None:
        """However the bytes arrive, the same is said."""
        parts = [
            option(n.OPT_STRUCTURED_REPLY),
            contexts("disk", "base:allocation"),
            option(n.OPT_LIST),
            option(77, b"abc"),
            go("nothing"),
            go("disk", 1, 2, 3),
        ]
        stream = FLAGS + b"".join(parts)
        pieces = Talk()
        for chunk in chunks(data, stream):
            pieces.feed(chunk)
        at_once = Talk()
        at_once.feed(stream)
        self.assertEqual(pieces.replies(), at_once.replies())
        assert pieces.outcome is not None and at_once.outcome is not None
        self.assertEqual(pieces.outcome.export, at_once.outcome.export)

    @given(st.lists(st.tuples(st.integers(0, 12), st.binary(max_size=40)), max_size=6))
    def test_any_options(self, options: list[tuple[int, bytes]]) -> None:
        """Whatever the options hold, each is answered, or ends the negotiation."""
        found = Talk()
        found.feed(FLAGS)
        for number, data in options:
            before = len(found.replies())
            try:
                found.feed(option(number, data))
            except Disconnected:
                self.assertIn(number, (n.OPT_EXPORT_NAME, n.OPT_ABORT))
                return
            if found.outcome is not None:
                return
            self.assertGreater(len(found.replies()), before)
