"""A link, its peer played by the test frame by frame."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from txamqp.content import Content

from synnefo_tx.daemon.amqp.address import BrokerAddress
from synnefo_tx.daemon.amqp.channel import BrokerChannel, Gone
from synnefo_tx.daemon.amqp.definition import protocol
from synnefo_tx.daemon.amqp.frames import (
    BEAT,
    GREETING,
    FrameReader,
    content_bytes,
    enclose,
    method_bytes,
)
from synnefo_tx.daemon.amqp.link import HANDSHAKE_TIMEOUT_S, BrokerLink

ADDRESS = BrokerAddress("mq", 5672, "λέξη", "pass", "/", heartbeat_s=30)
FRAME_MAX = 4096


def method(name: str) -> Any:
    klass, name = name.split(".")
    return protocol().classes.byname[klass].methods.byname[name]


class LinkTestCase(SynchronousTestCase):
    """A link that has just been made."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.link = BrokerLink(self.clock, ADDRESS)
        self.transport = StringTransport()
        self.link.makeConnection(self.transport)
        self.opened = Deferred.fromCoroutine(self.link.opened())
        self.addCleanup(self.end)

    def end(self) -> None:
        """A handshake left half-done would end in the garbage, during some other test."""
        self.link.abort(Gone("the test is over"))
        self.opened.addErrback(lambda failure: failure.trap(Gone))

    def say(self, channel: int, name: str, *arguments: Any) -> None:
        """The broker speaks."""
        self.link.dataReceived(method_bytes(channel, method(name), arguments))

    def heard(self) -> list[Any]:
        """What the broker has been sent since it last listened."""
        data = self.transport.value().removeprefix(GREETING)
        self.transport.clear()
        return [frame.payload for frame in FrameReader(1 << 20).feed(data)]

    def shake_hands(self) -> None:
        self.say(0, "connection.start", 0, 9, {}, "PLAIN", "en_US")
        self.say(0, "connection.tune", 10, FRAME_MAX, 60)
        self.say(0, "connection.open-ok", "")
        self.successResultOf(self.opened)
        self.heard()

    def channel(self) -> BrokerChannel:
        opening = Deferred.fromCoroutine(self.link.open_channel())
        number = max(self.link.channels)
        self.say(number, "channel.open-ok", "")
        self.heard()
        return self.successResultOf(opening)


class HandshakeTests(LinkTestCase):
    """From the greeting to an open virtual host."""

    def test_greeting(self) -> None:
        """We speak first, and say AMQP 0-9-1."""
        self.assertEqual(self.transport.value(), b"AMQP\x00\x00\x09\x01")

    def test_introduction(self) -> None:
        """We say who we are and that we want to hear of cancelled consumers."""
        self.say(0, "connection.start", 0, 9, {}, "PLAIN AMQPLAIN", "en_US")
        (start_ok,) = self.heard()
        properties, mechanism, response, _locale = start_ok.args
        self.assertEqual((mechanism, response), ("PLAIN", "\0λέξη\0pass"))
        self.assertIs(properties["capabilities"]["consumer_cancel_notify"], True)

    def test_limits_are_the_lower(self) -> None:
        """Of the broker's limits and ours the lower are agreed on."""
        self.say(0, "connection.tune", 10, FRAME_MAX, 60)
        tune_ok, open_ = self.heard()
        self.assertEqual(tune_ok.args, (10, FRAME_MAX, 30))
        self.assertEqual(open_.args, ("/", "", False))

    def test_broker_without_limits(self) -> None:
        """Zero from the broker means that the limit is ours to choose."""
        self.say(0, "connection.tune", 0, 0, 0)
        tune_ok, _open = self.heard()
        self.assertEqual(tune_ok.args, (2047, 131072, 30))

    def test_refusal(self) -> None:
        """A broker that closes during the handshake is quoted, and answered."""
        self.say(0, "connection.start", 0, 9, {}, "PLAIN", "en_US")
        self.heard()
        self.say(0, "connection.close", 403, "ACCESS_REFUSED", 0, 0)
        self.assertEqual(self.failureResultOf(self.opened, Gone).value.code, 403)
        (close_ok,) = self.heard()
        self.assertEqual(close_ok.method.name, "close-ok")
        self.assertTrue(self.transport.disconnecting)

    def test_patience_ends(self) -> None:
        """A broker that never answers is left."""
        self.clock.advance(HANDSHAKE_TIMEOUT_S)
        self.failureResultOf(self.opened, Gone)
        self.assertTrue(self.transport.disconnected)

    def test_another_protocol(self) -> None:
        """What is no AMQP ends the link at once."""
        self.link.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.failureResultOf(self.opened, Gone)
        self.assertTrue(self.transport.disconnected)

    def test_connection_lost(self) -> None:
        """A connection lost during the handshake ends the wait."""
        self.link.connectionLost(Failure(ConnectionLost()))
        self.failureResultOf(self.opened, Gone)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ConversationTests(LinkTestCase):
    """On an open link."""

    def setUp(self) -> None:
        super().setUp()
        self.shake_hands()

    def test_answers_in_order(self) -> None:
        """Two questions under way get each its own answer, with its content."""
        channel = self.channel()
        first = channel.basic_get(queue="q")
        second = channel.basic_get(queue="q")
        klass = method("basic.get-ok").klass
        answers = b"".join(
            method_bytes(1, method("basic.get-ok"), (tag, False, "", "k", 0))
            + content_bytes(1, klass, Content(body, [], {}), FRAME_MAX)
            for tag, body in ((1, b"one"), (2, b""))
        )
        for at in range(0, len(answers), 7):
            self.link.dataReceived(answers[at : at + 7])
        self.assertEqual(self.successResultOf(first).content.body, b"one")
        self.assertEqual(self.successResultOf(second).content.body, b"")

    def test_no_frame_exceeds_the_agreement(self) -> None:
        """A body longer than the broker's frames is cut to them."""
        channel = self.channel()
        published = channel.publish("x", "k", b"b" * 3 * FRAME_MAX, {})
        self.addCleanup(published.addErrback, lambda failure: failure.trap(Gone))
        reader = FrameReader(FRAME_MAX)  # raises for a longer one
        self.assertEqual(len(list(reader.feed(self.transport.value()))), 2 + 4)

    def test_connection_lost(self) -> None:
        """When the connection is lost all that waits fails: answers, confirms, inboxes."""
        channel = self.channel()
        asked = channel.basic_get(queue="q")
        published = channel.publish("x", "k", b"", {})
        self.link.connectionLost(Failure(ConnectionLost()))
        for each in (asked, published):
            self.failureResultOf(each, Gone)
        self.assertRaises(Gone, channel.basic_get, queue="q")
        self.failureResultOf(Deferred.fromCoroutine(self.link.open_channel()), Gone)

    def test_breaches(self) -> None:
        """A broker that breaks the protocol is left, with all that waited."""
        breaches = {
            "a channel that is not open": enclose(3, 9, b"x"),
            "a body from nowhere": enclose(3, 1, b"x"),
            "a frame too long": enclose(3, 1, b"x" * FRAME_MAX),
            "an answer to nothing": method_bytes(1, method("queue.declare-ok"), ("q", 0, 0)),
            "a request that is ours to make": method_bytes(1, method("basic.get"), (0, "q", False)),
            "an unknown class": enclose(1, 1, b"\xff\xff\0\x01"),
            "a truncated method": enclose(1, 1, b"\0\x3c"),
        }
        for breach, data in breaches.items():
            self.setUp()
            channel = self.channel()
            published = channel.publish("x", "k", b"", {})
            self.link.dataReceived(data)
            self.failureResultOf(published, Gone)
            self.assertTrue(self.transport.disconnected, breach)

    def test_broker_shuts_down(self) -> None:
        """A broker that says goodbye is answered, and its reason kept."""
        channel = self.channel()
        published = channel.publish("x", "k", b"", {})
        self.heard()
        self.say(0, "connection.close", 320, "CONNECTION_FORCED", 0, 0)
        self.assertEqual(self.failureResultOf(published, Gone).value.code, 320)
        self.assertEqual([payload.method.name for payload in self.heard()], ["close-ok"])

    def test_goodbye(self) -> None:
        """We close in order and wait until the connection is gone."""
        leaving = Deferred.fromCoroutine(self.link.goodbye())
        (close,) = self.heard()
        self.assertEqual(close.method.name, "close")
        self.say(0, "connection.close-ok")
        self.assertNoResult(leaving)
        self.link.connectionLost(Failure(ConnectionLost()))
        self.successResultOf(leaving)

    def test_goodbye_unanswered(self) -> None:
        """A broker that doesn't answer our goodbye is left all the same."""
        leaving = Deferred.fromCoroutine(self.link.goodbye())
        self.clock.pump([1] * 7)
        self.successResultOf(leaving)
        self.assertTrue(self.transport.disconnected)

    def test_beats(self) -> None:
        """On a quiet link we beat within the interval agreed, and leave a silent broker."""
        self.clock.advance(15)
        self.assertEqual(self.transport.value(), BEAT)
        self.clock.pump([15] * 3)
        self.assertTrue(self.transport.disconnected)

    def test_broker_that_beats(self) -> None:
        """Beats from the broker keep the link, however little else it says."""
        for _ in range(20):
            self.clock.advance(15)
            self.link.dataReceived(BEAT)
        self.assertFalse(self.transport.disconnected)

    def test_all_channels_taken(self) -> None:
        """Not more channels are opened than the broker has."""
        for _ in range(10):
            self.channel()
        self.failureResultOf(Deferred.fromCoroutine(self.link.open_channel()), Gone)
