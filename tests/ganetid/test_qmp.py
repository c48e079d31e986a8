"""QMP as bytes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.hypervisor import qmp
from ganetid.hypervisor.qmp import Event, Greeting, QmpBroken, QmpDecoder, Refusal, Reply

words = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
numbers = st.none() | st.integers(0, 2**31)
messages = st.one_of(
    st.builds(Reply, numbers, values),
    st.builds(Refusal, numbers, words, words),
    st.builds(Event, words, st.dictionaries(words, values, max_size=3)),
    st.builds(Greeting, st.from_regex(r"\A[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}\Z")),
)


def line(message: qmp.Received) -> bytes:
    """The message as QEMU writes it."""
    match message:
        case Greeting(version):
            major, minor, micro = (int(part) for part in version.split("."))
            body = {"QMP": {"version": {"qemu": {"major": major, "minor": minor, "micro": micro}}}}
        case Reply(number, value):
            body = {"return": value} | ({} if number is None else {"id": number})
        case Refusal(number, kind, text):
            body = {"error": {"class": kind, "desc": text}}
            body |= {} if number is None else {"id": number}
        case Event(name, data):
            body = {"event": name, "data": data, "timestamp": {"seconds": 1, "microseconds": 2}}
    return json.dumps(body).encode() + b"\r\n"


class QmpTests(SynchronousTestCase):
    """Decoding and encoding."""

    @given(st.lists(messages, max_size=6), st.lists(st.integers(1, 60), min_size=1))
    def test_any_chunking(self, sent: list[qmp.Received], cuts: list[int]) -> None:
        """However the stream is cut, the same messages come out."""
        stream = b"".join(line(message) for message in sent)
        decoder, got, position, turn = QmpDecoder(), [], 0, 0
        while position < len(stream):
            size = cuts[turn % len(cuts)]
            got += decoder.feed(stream[position : position + size])
            position, turn = position + size, turn + 1
        expected = [
            Greeting(".".join(str(int(part)) for part in each.version.split(".")))
            if isinstance(each, Greeting)
            else each
            for each in sent
        ]
        self.assertEqual(got, expected)

    @given(st.binary(max_size=200))
    def test_garbage(self, garbage: bytes) -> None:
        """Whatever comes, it is a message or QmpBroken, nothing else."""
        try:
            list(QmpDecoder().feed(garbage + b"\n"))
        except QmpBroken:
            return

    def test_bound(self) -> None:
        """A line without end is refused once it is over the bound."""
        decoder = QmpDecoder()
        self.assertEqual(list(decoder.feed(b"x" * qmp.MAX_LINE)), [])
        self.assertRaises(QmpBroken, lambda: list(decoder.feed(b"x")))

    @given(st.integers(0, 2**31), words, st.dictionaries(words, values, max_size=3))
    def test_command(self, number: int, command: str, arguments: dict[str, object]) -> None:
        """A command is one line of JSON, with its number and its arguments."""
        encoded = qmp.encode_command(number, command, arguments)
        self.assertEqual(encoded.count(b"\n"), 1)
        decoded = json.loads(encoded)
        self.assertEqual((decoded["execute"], decoded["id"]), (command, number))
        self.assertEqual(decoded.get("arguments", {}), arguments)
