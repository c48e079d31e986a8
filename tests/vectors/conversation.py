"""
A conversation in which every operation of control connections is asked for once, as calls of a
client's methods; the server has FakeVolumes.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from archipelagod.wire.client import BlockClient
from archipelagod.wire.errors import StorageError
from archipelagod.wire.link import BlockLink
from archipelagod.wire.server import BlockFactory
from archipelagod.wire.values import Limits
from tests.archipelagod.wire.fake_volumes import FakeVolumes

MIB = 1 << 20
KEY = hashlib.sha256(b"block").hexdigest()
ABSENT = hashlib.sha256(b"absent").hexdigest()
CALLS: list[tuple[str, list[Any]]] = [
    ("create", ["disk", MIB]),
    ("create", ["disk", MIB]),  # refused
    ("create", ["a/b", MIB]),  # refused
    ("write", ["disk", 4094, b"some", True]),
    ("read", ["disk", 4093, 6]),
    ("read", ["disk", MIB, 1]),  # refused
    ("flush", ["disk"]),
    ("discard", ["disk", 8192, 4096]),
    ("zero", ["disk", 4096, 1, True]),
    ("info", ["disk"]),
    ("list", ["", 10, "d"]),
    ("snapshot", ["disk", "snap"]),
    ("clone", ["snap", "clone"]),
    ("clone", ["snap", "larger", 2 * MIB]),
    ("rename", ["clone", "other"]),
    ("resize", ["other", 3 * MIB]),
    ("rollback", ["other", "snap"]),
    ("protect", ["other", True]),
    ("delete", ["other"]),  # refused
    ("protect", ["other", False]),
    ("delete", ["other"]),
    ("seal", ["larger"]),
    ("flatten", ["larger"]),
    ("copy", ["snap", "copy"]),
    ("seal", ["copy"]),
    ("set_limits", ["disk", Limits(100, 1048576, 2.5)]),
    ("hash", ["snap"]),
    ("mapr", ["disk", 0, MIB]),
    ("mapw", ["disk", 4096, 4096]),
    ("diff", ["larger", "copy", 0, 10]),
    ("diff", [None, "copy", 0, 1]),
    ("put_block", [b"block\0\0\0"]),
    ("get_block", [KEY]),
    ("get_block", [ABSENT]),  # refused
    ("have_blocks", [[KEY, ABSENT]]),
    ("create_from_hashes", ["made", 5 * MIB, [KEY, KEY], True]),
    ("acquire", ["disk"]),
    ("allow_handover", ["disk"]),
    ("release", ["disk"]),
    ("release", ["disk"]),  # refused
    ("statistics", []),
    ("gc", []),
    ("scrub", []),
]


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, Limits):
        return dict(value._asdict())
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return msgspec.to_builtins(value)


def revived(argument: Any) -> Any:
    """An argument back from JSON."""
    if isinstance(argument, dict):
        return bytes.fromhex(argument["hex"]) if "hex" in argument else Limits(**argument)
    return argument


class FakeReactor(Clock):
    """
    A Clock that also takes connected sockets, and has them say nothing.
    """

    def adoptStreamConnection(self, fd: int, family: int, factory: Factory) -> None:
        """See IReactorSocket."""
        adopted: Any = factory.buildProtocol(None)  # type: ignore[arg-type]
        adopted.makeConnection(StringTransport())


def shaken(client_nonce: bytes, server_nonce: bytes, secret: bytes) -> tuple[Any, Any, Any]:
    """
    A client's link, the server's side, and a function that carries bytes: it returns what the
    client sent and what the server answered.
    """
    link = BlockLink(secret, client_nonce)
    factory = BlockFactory(FakeReactor(), secret, FakeVolumes(), lambda: server_nonce)
    server = factory.buildProtocol(None)
    ours, theirs = StringTransport(), StringTransport()
    link.makeConnection(ours)
    server.makeConnection(theirs)

    def carry() -> tuple[bytes, bytes]:
        sent = ours.value()
        ours.clear()
        server.dataReceived(sent)
        answered = theirs.value()
        theirs.clear()
        link.dataReceived(answered)
        return sent, answered

    carry()
    carry()
    return link, server, carry


def client_over(link: BlockLink) -> BlockClient:
    """A client whose connection is there already."""
    client = BlockClient(Clock(), "unix:/nowhere", b"")
    client._dialler._link = link
    return client


def record() -> list[dict[str, Any]]:
    """What is said for each call."""
    link, _, carry = shaken(bytes(32), bytes(32), b"the secret of the test vectors")
    client = client_over(link)
    found = []
    for method, arguments in CALLS:
        calling = Deferred.fromCoroutine(getattr(client, method)(*arguments))
        sent, answered = carry()
        step = {
            "call": method,
            "arguments": plain(arguments),
            "request": sent.hex(),
            "reply": answered.hex(),
        }
        calling.addCallbacks(
            lambda result, step=step: step.update(result=plain(result)),
            lambda failure, step=step: step.update(error=refusal(failure.value)),
        )
        found.append(step)
    return found


def refusal(error: BaseException) -> list[Any]:
    """Kind and text of an error."""
    assert isinstance(error, StorageError), error
    return [type(error).__name__, str(error)]
