"""
The console proxy: who comes in, what goes through, and what ends a session.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.websocket import WebSocketClientEndpoint
from wsproto.events import CloseConnection, Ping, TextMessage

from ganetid.console.service import ConsoleProxy
from ganetid.console.settings import ConsoleSettings, check
from ganetid.console.tap import Options
from ganetid.console.tokens import Kind, ticket, token_of
from synnefo_tx.daemon.settings import SettingsError
from tests.archipelagod.running import until
from tests.ganetid.console.clients import Browser, Heard

reactor: Any = global_reactor
NODE = "one"


class Console(Protocol):
    """A guest's console that says a banner and echoes."""

    banner = b"RFB 003.008\n"

    def connectionMade(self) -> None:
        factory: Any = self.factory
        factory.connected.append(self)
        assert self.transport is not None
        self.transport.write(self.banner)

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Flood(Protocol):
    """A console that says as much as it may; `said`: how much that was.  It hears nothing."""

    CHUNK = b"x" * 65536

    def connectionMade(self) -> None:
        factory: Any = self.factory
        factory.connected.append(self)
        self.said, self._may = 0, True
        transport: Any = self.transport
        transport.registerProducer(self, True)
        self._say()

    def _say(self) -> None:
        if self._may and self.transport is not None and self.transport.connected:  # type: ignore[attr-defined]
            self.transport.write(self.CHUNK)
            self.said += len(self.CHUNK)
            reactor.callLater(0, self._say)

    def pauseProducing(self) -> None:
        self._may = False

    def resumeProducing(self) -> None:
        if not self._may:
            self._may = True
            self._say()

    def stopProducing(self) -> None:
        self._may = False


class ProxyCase(TestCase):
    """Has a proxy, and consoles for it."""

    timeout = 90

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="con"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        (self.directory / "run").mkdir()
        self.proxies: list[ConsoleProxy] = []

    def start(self, **more: Any) -> ConsoleProxy:
        settings = ConsoleSettings(
            secret_file=str(self.directory / "secret"),
            state_dir=str(self.directory / "state"),
            socket_directories=(str(self.directory / "run"),),
            node_name=NODE,
            websocket_port=0,
            vnc_port=0,
            **more,
        )
        proxy = ConsoleProxy(settings, reactor)
        proxy.startService()
        self.addCleanup(self.stop, proxy)
        self.proxy = proxy
        return proxy

    async def _stop(self, proxy: ConsoleProxy) -> None:
        if proxy.running:
            await proxy.stopService()
            await until(lambda: not proxy._door.clients, "all sessions have ended")
            await until(lambda: not proxy._door.sessions, "all consoles are let go")
            await deferLater(reactor, 0.05)

    def stop(self, proxy: ConsoleProxy) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop(proxy))

    def console(self, name: str = "web", kind: type[Protocol] = Console) -> Any:
        """A console at ``run/<name>.sock``; its factory, with what is connected to it."""
        factory: Any = Factory.forProtocol(kind)
        factory.connected = []
        port = reactor.listenUNIX(str(self.directory / "run" / f"{name}.sock"), factory)

        async def close() -> None:
            await port.stopListening()
            for each in factory.connected:
                each.transport.abortConnection()

        self.addCleanup(lambda: Deferred.fromCoroutine(close()))
        return factory

    def token(self, name: str = "web", kind: Kind = "vnc", **more: Any) -> str:
        place = more.pop("place", str(self.directory / "run" / f"{name}.sock"))
        shown = ticket(name, kind, more.pop("node", NODE), place, reactor.seconds(), **more)
        return token_of((self.directory / "secret").read_text().strip().encode(), shown)

    async def browse(self, token: str, *subprotocols: str) -> Browser:
        browser = Browser(token, subprotocols or ("binary",))
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.proxy.websocket_port or 0)
        await connectProtocol(endpoint, browser)
        self.addCleanup(browser.transport.abortConnection)  # type: ignore[union-attr]
        return browser

    async def plain(self, first: bytes) -> Heard:
        client = Heard()
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.proxy.vnc_port or 0)
        await connectProtocol(endpoint, client)
        client.transport.write(first)  # type: ignore[union-attr]
        self.addCleanup(client.transport.abortConnection)  # type: ignore[union-attr]
        return client


class WebSocketTests(ProxyCase):
    """Consoles over WebSocket."""

    def test_session(self) -> Deferred[None]:
        """The console speaks first, then both ways in binary; at the end both sides know."""

        async def check() -> None:
            self.start()
            consoles = self.console()
            browser = await self.browse(self.token(), "binary", "base64")
            self.assertEqual(await browser.until_answered(), 101)
            self.assertEqual(browser.subprotocol, "binary")
            await browser.until(lambda said: said == Console.banner, "the banner")
            browser.say(b"\x00\xff" * 50000)
            expected = Console.banner + b"\x00\xff" * 50000
            await browser.until(lambda said: said == expected, "the echo")
            browser.send(TextMessage("é"))
            expected += "é".encode()
            await browser.until(lambda said: said == expected, "text as UTF-8")
            browser.send(Ping(b"x"))
            browser.send(CloseConnection(1000))
            await browser.until_gone()
            await until(lambda: not consoles.connected[0].transport.connected, "it is let go")
            self.assertEqual(self.proxy._door.sessions, 0)

        return Deferred.fromCoroutine(check())

    def test_console_ends(self) -> Deferred[None]:
        """When the guest goes its client hears of it."""

        async def check() -> None:
            self.start()
            consoles = self.console()
            browser = await self.browse(self.token())
            await browser.until(lambda said: said == Console.banner, "the banner")
            consoles.connected[0].transport.loseConnection()
            await browser.until_gone()
            self.assertEqual(browser.closed, (1000, "the guest's console is gone"))

        return Deferred.fromCoroutine(check())

    def test_no_subprotocol(self) -> Deferred[None]:
        """Who asks for none, or for unknown ones, gets none: browsers insist."""

        async def check() -> None:
            self.start()
            self.console()
            browser = await self.browse(self.token(), "other")
            self.assertEqual(await browser.until_answered(), 101)
            self.assertIsNone(browser.subprotocol)

        return Deferred.fromCoroutine(check())

    def test_other_client(self) -> Deferred[None]:
        """Another's WebSocket client understands the proxy."""

        async def check() -> None:
            self.start()
            self.console()
            heard: list[bytes] = []
            gone: Deferred[None] = Deferred()

            class Client:
                def negotiationStarted(self, transport: Any) -> None:
                    self.transport = transport

                def negotiationFinished(self) -> None:
                    pass

                def bytesMessageReceived(self, data: bytes) -> None:
                    heard.append(bytes(data))

                def connectionLost(self, reason: Any) -> None:
                    gone.callback(None)

            class Clients:
                def buildProtocol(self, url: str) -> Any:
                    return Client()

            url = f"ws://127.0.0.1:{self.proxy.websocket_port}/?token={self.token()}"
            client: Any = await WebSocketClientEndpoint.new(reactor, url).connect(Clients())
            await until(lambda: b"".join(heard) == Console.banner, "the banner")
            client.transport.loseConnection()
            await gone

        return Deferred.fromCoroutine(check())


class RefusedTests(ProxyCase):
    """Who does not come in."""

    def test_tokens(self) -> Deferred[None]:
        """A token opens once; one for elsewhere, or of another's making, never; nobody says why."""

        async def check() -> None:
            self.start()
            consoles = self.console()
            outside = self.directory / "elsewhere.sock"
            (self.directory / "run" / "link.sock").symlink_to(outside)
            good = self.token()
            await (await self.browse(good)).until_answered()
            bad = {
                "used": good,
                "none": "",
                "nonsense": "a.b",
                "other node": self.token(node="two"),
                "elsewhere": self.token(place=str(outside)),
                "by dots": self.token(place=f"{self.directory}/run/../elsewhere.sock"),
                "by a link": self.token(place=f"{self.directory}/run/link.sock"),
                "old": self.token(life_s=-1.0),
            }
            for why, token in bad.items():
                browser = await self.browse(token)
                self.assertEqual(await browser.until_answered(), 403, why)
                await browser.until_gone()
            self.assertEqual(len(consoles.connected), 1)

        return Deferred.fromCoroutine(check())

    def test_restarted(self) -> Deferred[None]:
        """A proxy that was started again knows which tokens were used."""

        async def check() -> None:
            self.start()
            self.console()
            token = self.token()
            await (await self.browse(token)).until_answered()
            await self._stop(self.proxy)
            self.start()
            self.assertEqual(await (await self.browse(token)).until_answered(), 403)

        return Deferred.fromCoroutine(check())

    def test_no_console(self) -> Deferred[None]:
        """A guest that is off is something else than a bad token."""

        async def check() -> None:
            self.start()
            browser = await self.browse(self.token("off"))
            self.assertEqual(await browser.until_answered(), 503)

        return Deferred.fromCoroutine(check())

    def test_too_many(self) -> Deferred[None]:
        """There are so many sessions, and so many of each guest; one that ends makes room."""

        async def check() -> None:
            self.start(sessions=2, sessions_of_guest=1)
            for name in ("a", "b", "c"):
                self.console(name)
            first = await self.browse(self.token("a"))
            self.assertEqual(await first.until_answered(), 101)
            again = await self.browse(self.token("a"))
            self.assertEqual(await again.until_answered(), 503)
            second = await self.browse(self.token("b"))
            self.assertEqual(await second.until_answered(), 101)
            third = await self.browse(self.token("c"))
            self.assertEqual(await third.until_answered(), 503)
            first.transport.abortConnection()  # type: ignore[union-attr]
            await until(lambda: self.proxy._door.sessions == 1, "there is room")
            fourth = await self.browse(self.token("c"))
            self.assertEqual(await fourth.until_answered(), 101)

        return Deferred.fromCoroutine(check())

    def test_nonsense(self) -> Deferred[None]:
        """What is no WebSocket is answered, or cut off, and holds nothing."""

        async def check() -> None:
            self.start()
            for said in (
                b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                b"\x16\x03\x01\x00\x00\xff\r\n\r\n",
                b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 70000,
            ):
                client = Heard()
                endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.proxy.websocket_port or 0)
                await connectProtocol(endpoint, client)
                client.transport.write(said)  # type: ignore[union-attr]
                await client.until_gone()
                if client.heard:
                    self.assertTrue(client.heard.startswith(b"HTTP/1.1 4"), client.heard)
            self.assertEqual(self.proxy._door.clients, {})

        return Deferred.fromCoroutine(check())

    def test_silent(self) -> Deferred[None]:
        """Who says nothing is not waited for."""

        async def check() -> None:
            proxy = self.start()
            proxy._door.limits = type(proxy._door.limits)(hello_s=0.2)
            await (await self.plain(b"")).until_gone()
            await (await self.plain(b"half a token")).until_gone()

        return Deferred.fromCoroutine(check())

    def test_secrets(self) -> Deferred[None]:
        """Neither tokens nor the secret come into the log, and the secret's file is private."""

        async def check() -> None:
            events: list[str] = []

            def keep(event: Any) -> None:
                events.append(repr({key: str(value) for key, value in event.items()}))

            globalLogPublisher.addObserver(keep)
            self.addCleanup(globalLogPublisher.removeObserver, keep)
            self.start()
            self.console()
            secret = self.directory / "secret"
            good, bad = self.token(), self.token(node="two")
            for token in (good, bad, good):
                await (await self.browse(token)).until_answered()
            self.assertTrue(any("refused" in each for each in events))
            for hidden in (good, bad, secret.read_text().strip()):
                self.assertFalse([each for each in events if hidden in each])
            self.assertEqual(stat.S_IMODE(secret.stat().st_mode), 0o600)

        return Deferred.fromCoroutine(check())


class PlainTests(ProxyCase):
    """VNC over TCP."""

    def test_session(self) -> Deferred[None]:
        """After the token comes RFB, also when the client does not wait for it."""

        async def check() -> None:
            self.start()
            self.console()
            client = await self.plain(self.token().encode() + b"\nRFB 003.008\n")
            await client.until(lambda said: said == Console.banner * 2, "banner and echo")
            client.transport.write(b"x" * 300000)  # type: ignore[union-attr]
            await client.until(lambda said: said == Console.banner * 2 + b"x" * 300000, "the echo")

        return Deferred.fromCoroutine(check())

    def test_refused(self) -> Deferred[None]:
        """A bad token, or one for a serial port, is answered by nothing at all."""

        async def check() -> None:
            self.start()
            self.console()
            for said in (b"x\n", self.token(kind="serial").encode() + b"\r\n", b"x" * 5000):
                client = await self.plain(said)
                await client.until_gone()
                self.assertEqual(client.heard, b"")

        return Deferred.fromCoroutine(check())


class EndTests(ProxyCase):
    """What ends a session."""

    def test_slow_client(self) -> Deferred[None]:
        """A console is read no faster than its client takes, and one that takes nothing is left."""

        async def check() -> None:
            self.start(stalled_s=1.0)
            floods = self.console(kind=Flood)
            browser = await self.browse(self.token())
            await browser.until_answered()
            browser.transport.pauseProducing()  # type: ignore[union-attr]
            (flood,) = floods.connected
            await until(lambda: not flood._may, "the console has to wait", 20)
            await until(lambda: not flood.transport.connected, "the session ends", 20)
            self.assertLess(flood.said, 16 * 2**20)  # what the kernel's buffers hold

        return Deferred.fromCoroutine(check())

    def test_idle(self) -> Deferred[None]:
        """A session in which nothing is said ends; saying something keeps it."""

        async def check() -> None:
            self.start(idle_s=0.6)
            self.console()
            browser = await self.browse(self.token())
            await browser.until_answered()
            for _ in range(6):
                await deferLater(reactor, 0.2)
                browser.say(b"x")
            self.assertFalse(browser.is_gone)
            await browser.until_gone()
            self.assertEqual(browser.closed, (1000, "nothing was said for long"))

        return Deferred.fromCoroutine(check())

    def test_serial_has_one_user(self) -> Deferred[None]:
        """Who comes last has the serial port; the former user is told."""

        async def check() -> None:
            self.start()
            self.console()
            first = await self.browse(self.token(kind="serial"))
            await first.until(lambda said: said != b"", "the banner")
            second = await self.browse(self.token(kind="serial"))
            await second.until(lambda said: said != b"", "the banner")
            await first.until_gone()
            self.assertEqual(first.closed, (1000, "another session has the serial port now"))
            second.say(b"x")
            await second.until(lambda said: said.endswith(b"x"), "the echo")

        return Deferred.fromCoroutine(check())


class SettingsTests(SynchronousTestCase):
    """Settings that can't be."""

    def refused(self, **more: Any) -> str:
        settings = ConsoleSettings(secret_file="s", **more)
        return str(self.assertRaises(SettingsError, check, settings))

    def test_refused(self) -> None:
        """Each has one line that names it."""
        for more in (
            {"host": "0.0.0.0"},
            {"host": "somewhere"},
            {"vnc_port": 70000},
            {"idle_s": 0.0},
            {"sessions": 0},
            {"socket_directories": ()},
        ):
            name = "certificate" if more == {"host": "0.0.0.0"} else next(iter(more))
            self.assertTrue(self.refused(**more).startswith(name), more)
        check(ConsoleSettings(secret_file="s", host="0.0.0.0", certificate="c"))

    def test_short_secret(self) -> None:
        """A secret that can be guessed is refused."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "secret").write_text("short\n")
        settings = ConsoleSettings(secret_file=str(directory / "secret"))
        self.assertRaises(SettingsError, ConsoleProxy, settings, reactor)

    def test_shipped(self) -> None:
        """The settings that are shipped are good ones."""
        shipped = Path(__file__).parents[3] / "etc" / "synnefo" / "ganetid-console.toml"
        options = Options()
        options.parseOptions(["--config", str(shipped)])
        check(options.settings)
