"""The guest agent: the real one in a real guest, and what others might say in its place."""

from __future__ import annotations

import json
import shutil
import tempfile
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from ganetid.hypervisor.guest_agent import MAX_LINE, ask_agent
from ganetid.hypervisor.kvm import KvmHypervisor
from ganetid.opcodes.errors import HypervisorError
from tests.ganetid.hypervisor.bench import DISK_A, QemuTestCase, deferred
from tests.live.linux_guest import agent_files


class RealAgentTests(QemuTestCase):
    """qemu-guest-agent as Debian ships it."""

    @deferred
    async def test_agent(self) -> None:
        """It answers, freezes and thaws, sets a password, and refuses what it does not know."""
        files = agent_files()
        node = await self.node()
        await node.start(
            self.linux(
                files=files,
                memory_mib=192,
                drives=(self.disk("a", DISK_A),),
                hvparams={"use_guest_agent": True},
            )
        )
        await self.shell(node)
        for _ in range(40):
            try:
                self.assertEqual(await node.agent("one", "guest-ping", timeout_s=2), {})
                break
            except HypervisorError:
                await deferLater(reactor, 0.25)
        else:
            self.fail("the agent never answered")
        known = await node.agent("one", "guest-info")
        names = {each["name"] for each in known["supported_commands"]}
        self.assertIn("guest-fsfreeze-freeze", names)
        self.assertEqual(await node.agent("one", "guest-fsfreeze-status"), "thawed")
        for word in ("freeze", "thaw", "thaw"):  # of the guest's file systems none is on a disk
            self.assertEqual(await node.agent("one", f"guest-fsfreeze-{word}", timeout_s=20), 0)
        await self._password(node)
        why = await self.refused(node.agent("one", "guest-no-such-command"))
        self.assertIn("refuses", why)
        # One that hangs is given up in time; when it is back it answers the newest question.
        shell = self.shells[-1]
        await shell.run("kill -STOP $(pidof qemu-ga)")
        why = await self.refused(node.agent("one", "guest-ping", timeout_s=0.5))
        self.assertIn("within 0.5 s", why)
        await shell.run("kill -CONT $(pidof qemu-ga)")
        self.assertEqual(await node.agent("one", "guest-ping"), {})

    async def _password(self, node: KvmHypervisor) -> None:
        """What programs of the guest are told is what was asked for."""
        shell = self.shells[-1]
        await shell.run("mkdir -p /usr/sbin; echo '#!/bin/busybox sh' >/usr/sbin/chpasswd;"
                        " echo '/bin/busybox cat >/said' >>/usr/sbin/chpasswd;"
                        " chmod +x /usr/sbin/chpasswd")  # fmt: skip
        given = {"username": "root", "password": "c2VjcmV0", "crypted": False}
        await node.agent("one", "guest-set-user-password", given)
        self.assertEqual(await shell.run("cat /said"), "root:secret")


class _Liar(Protocol):
    """Answers each line as its factory says."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def dataReceived(self, data: bytes) -> None:
        for line in data.replace(b"\xff", b"").splitlines():
            for piece in self._answer(json.loads(line)):
                self.transport.write(piece)  # type: ignore[union-attr]


class OtherAnswersTests(TestCase):
    """A guest may write anything to the channel."""

    timeout = 20

    def ask(self, answer: Any) -> Deferred[Any]:
        directory = tempfile.mkdtemp(prefix="agent")  # a socket's path has to be short
        self.addCleanup(shutil.rmtree, directory)
        path = f"{directory}/socket"
        factory = Factory.forProtocol(lambda: _Liar(answer))  # type: ignore[arg-type]
        port = reactor.listenUNIX(path, factory)  # type: ignore[attr-defined]
        self.addCleanup(lambda: maybeDeferred(port.stopListening))
        return Deferred.fromCoroutine(ask_agent(reactor, path, "guest-ping", {}, 0.5))

    async def refusal(self, answer: Any) -> str:
        return str(await self.assertFailure(self.ask(answer), HypervisorError))

    @deferred
    async def test_rubbish_before(self) -> None:
        """What was left in the channel before our mark is no answer."""

        def answer(asked: dict[str, Any]) -> list[bytes]:
            if asked["execute"] == "guest-sync-delimited":
                number = asked["arguments"]["id"]
                return [b'{"return": "old"}\n', b"{]\n", b"\xff", b'{"return": %d}\n' % number]
            return [b'{"return": ', b"7}\n"]

        self.assertEqual(await self.ask(answer), 7)

    @deferred
    async def test_wrong_mark(self) -> None:
        """An answer to somebody else's question is not waited for for ever."""
        self.assertIn("within", await self.refusal(lambda asked: [b'\xff{"return": 1}\n']))

    @deferred
    async def test_flood(self) -> None:
        """More than a bound is not kept."""
        flood = b"x" * (MAX_LINE + 1)
        self.assertIn("closed", await self.refusal(lambda asked: [flood]))

    @deferred
    async def test_shapes(self) -> None:
        """Answers of any shape are an answer or a refusal, never another error."""

        def saying(words: bytes) -> Any:
            def answer(asked: dict[str, Any]) -> list[bytes]:
                if asked["execute"] == "guest-sync-delimited":
                    return [b'\xff{"return": %d}\n' % asked["arguments"]["id"]]
                return [words + b"\n"]

            return answer

        for words in (b"[]", b"null", b"\x00\xfe", b"{}"):
            self.assertIsNone(await self.ask(saying(words)))
        for words in (b'{"error": 1}', b'{"error": {"desc": []}}'):
            self.assertIn("refuses", await self.refusal(saying(words)))
