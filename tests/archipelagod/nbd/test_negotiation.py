"""
The server's side of the NBD negotiation.
"""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.nbd import numbers as n
from archipelagod.nbd.negotiation import Negotiation
from archipelagod.nbd.options import Export, Listed, transmission_flags
from archipelagod.nbd.questions import (
    Answer,
    Disconnected,
    Refusal,
    Secured,
    Tls,
    Transmission,
    Wanted,
    WantedList,
    WantedTls,
)
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

    def __init__(self, tls: Tls = Tls.ABSENT) -> None:
        self.negotiation = Negotiation(tls)
        self.sent = self.negotiation.take()
        self.outcome: Transmission | None = None
        self.opened: list[str] = []
        self.markers: list[str] = []

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

    def answer(self, question: object) -> Answer:
        """From EXPORTS; of a list one at a time."""
        if isinstance(question, WantedTls):
            return Secured()
        if isinstance(question, WantedList):
            self.markers.append(question.marker)
            after = [name for name in sorted(EXPORTS) if name > question.marker]
            return [Listed(name, EXPORTS[name].is_read_only) for name in after[:1]]
        assert isinstance(question, Wanted)
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


def talk(*sent: bytes, tls: Tls = Tls.ABSENT) -> Talk:
    """A conversation after the client's flags."""
    found = Talk(tls)
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
        info = struct.pack(
            ">HQH", 0, 1 << 20, transmission_flags(EXPORTS["disk"], is_structured=False)
        )
        self.assertEqual(found.replies(), [(7, n.REP_INFO, info), (7, n.REP_ACK, b"")])
        assert found.outcome is not None
        self.assertEqual(found.outcome.export, EXPORTS["disk"])
        self.assertFalse(found.outcome.is_structured)

    def test_block_size(self) -> None:
        """Who asks for it is told of block sizes."""
        found = talk(go("disk", n.INFO_BLOCK_SIZE))
        sizes = struct.pack(">HIII", n.INFO_BLOCK_SIZE, 1, 4096, 32 << 20)
        self.assertIn((7, n.REP_INFO, sizes), found.replies())

    def test_name_and_description(self) -> None:
        """Who asks for them is told the canonical name and a description."""
        found = talk(go("image", n.INFO_NAME, n.INFO_DESCRIPTION, 99, number=n.OPT_INFO))
        self.assertEqual(
            [data for _, kind, data in found.replies() if kind == n.REP_INFO][1:],
            [b"\0\1image", b"\0\2read-only volume"],
        )

    def test_unfragmented_needs_structured(self) -> None:
        """DF is spoken of only to who asked for structured replies."""
        for sent, is_there in (((), False), ((option(n.OPT_STRUCTURED_REPLY),), True)):
            found = talk(*sent, go("disk"))
            flags = struct.unpack(">HQH", found.replies()[-2][2])[2]
            self.assertEqual(bool(flags & n.TRANSMISSION_SEND_DF), is_there)

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
        flags = transmission_flags(EXPORTS["image"], is_structured=True)
        self.assertTrue(flags & n.TRANSMISSION_READ_ONLY)
        self.assertFalse(flags & n.TRANSMISSION_SEND_TRIM)

    def test_export_name(self) -> None:
        """The old option is answered without a reply header."""
        found = talk(option(n.OPT_EXPORT_NAME, b"disk"))
        assert found.outcome is not None
        flags = transmission_flags(EXPORTS["disk"], is_structured=False)
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
                (3, n.REP_SERVER, b"\0\0\0\4diskvolume"),
                (3, n.REP_SERVER, b"\0\0\0\5imageread-only volume"),
                (3, n.REP_ACK, b""),
            ],
        )

    def test_list_by_pages(self) -> None:
        """A list is asked for page by page, each after the last name of the one before."""
        self.assertEqual(talk(option(n.OPT_LIST)).markers, ["", "disk", "image"])

    def test_abort(self) -> None:
        """Abort is acknowledged, then the connection ends."""
        found = Talk()
        self.assertRaises(Disconnected, found.feed, FLAGS + option(n.OPT_ABORT))
        self.assertEqual(found.replies(), [(2, n.REP_ACK, b"")])

    def test_unknown_option(self) -> None:
        """Unknown options are refused, their data skipped; the withdrawn and later ones too."""
        found = talk(option(4), option(99, b"data"), option(11), go("disk"))
        self.assertEqual([kind for _, kind, _ in found.replies()[:3]], [n.REP_ERR_UNSUP] * 3)
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
        """Wrong magic, unknown client flags and an endless name end the connection."""
        self.assertRaises(Disconnected, Talk().feed, struct.pack(">I", 0x80000003))
        self.assertRaises(Disconnected, Talk().feed, struct.pack(">I", 0))
        self.assertRaises(Disconnected, talk, b"x" * 16)
        self.assertRaises(
            Disconnected, talk, struct.pack(">QII", n.OPTION_MAGIC, 1, n.MAX_OPTION_DATA + 1)
        )

    def test_too_much_data(self) -> None:
        """An option with more data than any needs is skipped and refused, in little memory."""
        found = Talk()
        size = 50 << 20
        found.feed(FLAGS + struct.pack(">QII", n.OPTION_MAGIC, n.OPT_GO, size))
        for _ in range(50):
            found.feed(bytes(1 << 20))
            self.assertLessEqual(len(found.negotiation._pending), 1 << 20)
        found.feed(go("disk"))
        self.assertEqual(found.replies()[0][:2], (n.OPT_GO, n.REP_ERR_TOO_BIG))
        self.assertIsNotNone(found.outcome)

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


class TlsTests(SynchronousTestCase):
    """What is said of TLS."""

    def test_absent(self) -> None:
        """Where there is no TLS it is refused, and everything else goes on."""
        found = talk(option(n.OPT_STARTTLS), go("disk"))
        self.assertEqual(found.replies()[0][:2], (n.OPT_STARTTLS, n.REP_ERR_POLICY))
        self.assertIsNotNone(found.outcome)

    def test_offered(self) -> None:
        """Where it is offered one can do without."""
        self.assertIsNotNone(talk(go("disk"), tls=Tls.OFFERED).outcome)

    def test_required(self) -> None:
        """Where it is required every other option is refused before, whatever it holds."""
        numbers = (n.OPT_LIST, n.OPT_INFO, n.OPT_GO, n.OPT_STRUCTURED_REPLY, 9, 10, 11, 99)
        found = talk(*(option(number, b"x") for number in numbers), tls=Tls.REQUIRED)
        self.assertEqual(
            [reply[:2] for reply in found.replies()],
            [(number, n.REP_ERR_TLS_REQD) for number in numbers],
        )

    def test_required_export_name(self) -> None:
        """The old option is refused by hanging up; one may abort without TLS."""
        self.assertRaises(Disconnected, talk, option(n.OPT_EXPORT_NAME, b"disk"), tls=Tls.REQUIRED)
        found = Talk(Tls.REQUIRED)
        self.assertRaises(Disconnected, found.feed, FLAGS + option(n.OPT_ABORT))
        self.assertEqual(found.replies(), [(n.OPT_ABORT, n.REP_ACK, b"")])

    def test_start(self) -> None:
        """After the start everything may be had, and what was chosen before is forgotten."""
        found = talk(option(n.OPT_STRUCTURED_REPLY), option(n.OPT_STARTTLS), tls=Tls.OFFERED)
        self.assertEqual(found.replies()[-1], (n.OPT_STARTTLS, n.REP_ACK, b""))
        found.feed(option(n.OPT_STARTTLS))
        self.assertEqual(found.replies()[-1][:2], (n.OPT_STARTTLS, n.REP_ERR_INVALID))
        found.feed(go("disk"))
        assert found.outcome is not None
        self.assertFalse(found.outcome.is_structured)

    def test_required_then_started(self) -> None:
        """TLS is not asked for again."""
        found = talk(option(n.OPT_STARTTLS), tls=Tls.REQUIRED)
        found.feed(go("disk"))
        self.assertIsNotNone(found.outcome)

    def test_sent_ahead(self) -> None:
        """Plain bytes behind the start are somebody else's: the connection ends."""
        self.assertRaises(Disconnected, talk, option(n.OPT_STARTTLS), go("disk"), tls=Tls.OFFERED)

    def test_with_data(self) -> None:
        """The start takes no data."""
        found = talk(option(n.OPT_STARTTLS, b"x"), tls=Tls.REQUIRED)
        self.assertEqual(found.replies()[0][1], n.REP_ERR_INVALID)
