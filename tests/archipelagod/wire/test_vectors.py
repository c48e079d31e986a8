"""
Both sides and both clients against tests/vectors.
"""

from __future__ import annotations

import json
import socket
import threading
from typing import Any, Self

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.client.blocking import BlockingClient
from archipelagod.client.link import BlockingLink
from archipelagod.wire.errors import NotAuthenticated, StorageError
from archipelagod.wire.frames import ERROR, BadFrame, Frame, FrameDecoder, encode
from archipelagod.wire.link import BlockLink
from archipelagod.wire.server import BlockFactory
from tests.archipelagod.wire.fake_volumes import FakeVolumes
from tests.vectors import load
from tests.vectors.conversation import client_over, plain, refusal, revived, shaken

HANDSHAKE = {
    key: bytes.fromhex(value) for key, value in load("handshake").items() if isinstance(value, str)
}
GROWING = ("info", "list")  # replies to which later versions may add


class FrameVectorTests(SynchronousTestCase):
    """frames.json"""

    def test_valid(self) -> None:
        """Valid frames mean what is said, and are what we write."""
        for vector in load("frames")["valid"]:
            found = list(FrameDecoder().feed(bytes.fromhex(vector["hex"])))
            fields = {key: vector[key] for key in vector if key not in ("name", "hex", "data")}
            expected = Frame(**fields, data=bytes.fromhex(vector["data"]))
            self.assertEqual(found, [expected], vector["name"])
            self.assertEqual(encode(expected).hex(), vector["hex"], vector["name"])

    def test_invalid(self) -> None:
        """Invalid ones are refused, however they arrive, and whatever follows."""
        for vector in load("frames")["invalid"]:
            data = bytes.fromhex(vector["hex"])
            with self.assertRaises(BadFrame, msg=vector["name"]):
                list(FrameDecoder().feed(data + bytes(100)))
            decoder = FrameDecoder()
            with self.assertRaises(BadFrame, msg=vector["name"]):
                for at in range(len(data)):
                    list(decoder.feed(data[at : at + 1]))

    def test_server_refuses(self) -> None:
        """A server ends the connection at each of them, also of a client that it knows."""
        for vector in load("frames")["invalid"]:
            _, server, carry = shaken(bytes(32), bytes(32), b"secret")
            carry()
            server.dataReceived(bytes.fromhex(vector["hex"]))
            answered = list(FrameDecoder().feed(server.transport.value()))
            self.assertEqual([frame.kind for frame in answered], [ERROR], vector["name"])
            self.assertTrue(server.transport.disconnecting, vector["name"])


class HandshakeVectorTests(SynchronousTestCase):
    """handshake.json"""

    def _server(self) -> tuple[Any, StringTransport]:
        server = BlockFactory(
            Clock(), HANDSHAKE["secret"], FakeVolumes(), lambda: HANDSHAKE["server_nonce"]
        ).buildProtocol(None)
        transport = StringTransport()
        server.makeConnection(transport)
        return server, transport

    def _answer(self, server: Any, transport: StringTransport, sent: bytes) -> bytes:
        server.dataReceived(sent)
        answered = transport.value()
        transport.clear()
        return answered

    def test_server(self) -> None:
        """The server says what it has to."""
        server, transport = self._server()
        for request in ("hello", "authenticate"):
            answered = self._answer(server, transport, HANDSHAKE[request])
            self.assertEqual(answered, HANDSHAKE[f"{request}_reply"])

    def test_wrong_hellos(self) -> None:
        """Other HELLOs are refused with the right status."""
        for vector in load("handshake")["wrong_hellos"]:
            server, transport = self._server()
            answered = self._answer(server, transport, bytes.fromhex(vector["hex"]))
            frames = list(FrameDecoder().feed(answered))
            said = [(frame.kind, frame.status) for frame in frames]
            self.assertEqual(said, [(ERROR, vector["status"])], vector["name"])

    def test_wrong_proofs(self) -> None:
        """Other proofs are refused."""
        for vector in load("handshake")["wrong_proofs"]:
            server, transport = self._server()
            self._answer(server, transport, HANDSHAKE["hello"])
            answered = self._answer(server, transport, bytes.fromhex(vector["hex"]))
            frames = list(FrameDecoder().feed(answered))
            said = [(frame.kind, frame.status) for frame in frames]
            self.assertEqual(said, [(ERROR, NotAuthenticated.status)], vector["name"])

    def test_twisted_client(self) -> None:
        """So does the Twisted client."""
        link = BlockLink(HANDSHAKE["secret"], HANDSHAKE["client_nonce"])
        transport = StringTransport()
        link.makeConnection(transport)
        for request in ("hello", "authenticate"):
            self.assertEqual(transport.value(), HANDSHAKE[request])
            transport.clear()
            link.dataReceived(HANDSHAKE[f"{request}_reply"])
        self.assertIs(self.successResultOf(link.ready), link)

    def test_blocking_client(self) -> None:
        """And the blocking one."""
        names = ("hello", "authenticate")
        with Scripted([HANDSHAKE[f"{name}_reply"] for name in names]) as server:
            BlockingLink(server.ours, HANDSHAKE["secret"], 5.0, HANDSHAKE["client_nonce"])
        self.assertEqual(server.said, [HANDSHAKE[name] for name in names])

    def test_changed_on_the_way(self) -> None:
        """A reply in which anything was changed is refused by the client."""
        reply = HANDSHAKE["hello_reply"]
        for at in range(48, len(reply)):
            link = BlockLink(HANDSHAKE["secret"], HANDSHAKE["client_nonce"])
            link.makeConnection(StringTransport())
            link.dataReceived(reply[:at] + bytes((reply[at] ^ 1,)) + reply[at + 1 :])
            link.connectionLost()
            self.failureResultOf(link.ready, NotAuthenticated)


class ConversationVectorTests(SynchronousTestCase):
    """conversation.json"""

    def test_server(self) -> None:
        """Each request gets its reply."""
        _, server, carry = shaken(bytes(32), bytes(32), HANDSHAKE["secret"])
        carry()
        for step in load("conversation"):
            server.dataReceived(bytes.fromhex(step["request"]))
            answered = server.transport.value()
            server.transport.clear()
            if step["call"] not in GROWING:
                self.assertEqual(answered.hex(), step["reply"], step)
                continue
            (found,) = FrameDecoder().feed(answered)
            (expected,) = FrameDecoder().feed(bytes.fromhex(step["reply"]))
            self.assertTrue(contains(json.loads(found.data), json.loads(expected.data)), step)

    def test_twisted_client(self) -> None:
        """Each call of the Twisted client is its request, and returns its result."""
        link, _, carry = shaken(bytes(32), bytes(32), HANDSHAKE["secret"])
        carry()
        link.transport.clear()
        client = client_over(link)
        for step in load("conversation"):
            arguments = [revived(argument) for argument in step["arguments"]]
            calling = Deferred.fromCoroutine(getattr(client, step["call"])(*arguments))
            self.assertEqual(link.transport.value().hex(), step["request"], step)
            link.transport.clear()
            link.dataReceived(bytes.fromhex(step["reply"]))
            if "error" in step:
                error = self.failureResultOf(calling, StorageError).value
                self.assertEqual(refusal(error), step["error"])
            else:
                self.assertTrue(contains(plain(self.successResultOf(calling)), step["result"]))

    def test_blocking_client(self) -> None:
        """The same with the blocking client."""
        replies = [HANDSHAKE["hello_reply"], HANDSHAKE["authenticate_reply"]]
        steps = load("conversation")
        with Scripted(replies + [bytes.fromhex(step["reply"]) for step in steps]) as server:
            client = BlockingClient("unix:/nowhere", b"")
            client._link = BlockingLink(
                server.ours, HANDSHAKE["secret"], 5.0, HANDSHAKE["client_nonce"]
            )
            for step in steps:
                outcome = self._told(client, step)
                for key, value in outcome.items():
                    self.assertTrue(contains(value, step.get(key)), (value, step))
        self.assertEqual([said.hex() for said in server.said[2:]], [s["request"] for s in steps])

    def _told(self, client: BlockingClient, step: Any) -> dict[str, Any]:
        arguments = [revived(argument) for argument in step["arguments"]]
        try:
            return {"result": plain(getattr(client, step["call"])(*arguments))}
        except StorageError as error:
            return {"error": refusal(error)}


class Scripted:
    """
    A server that answers whatever comes with the next of ``replies``, and keeps what was ``said``.
    """

    def __init__(self, replies: list[bytes]) -> None:
        self.ours, self._theirs = socket.socketpair()
        self.said: list[bytes] = []
        self._replies = replies
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for reply in self._replies:
            self.said.append(self._theirs.recv(1 << 20))
            self._theirs.sendall(reply)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ours.close()
        self._thread.join()
        self._theirs.close()


def contains(found: Any, expected: Any) -> bool:
    """Whether all that was expected is there; objects may have more."""
    if isinstance(expected, dict):
        return all(contains(found.get(key), value) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(found, list):
        same = len(found) == len(expected)
        return same and all(map(contains, found, expected))
    return bool(found == expected)
