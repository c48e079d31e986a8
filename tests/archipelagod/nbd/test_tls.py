"""
NBD over TCP and inside TLS.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.nbd import numbers as n
from archipelagod.nbd.settings import NbdSettings, NbdTlsSettings, checked, parse_address
from archipelagod.nbd.tls_pump import BUFFER_BYTES, Pump
from archipelagod.nbd.tls_relay import context_of
from synnefo_tx.daemon.settings import SettingsError
from tests.archipelagod.nbd.certificates import Authority
from tests.archipelagod.nbd.raw import RawClient, option, request
from tests.archipelagod.running import MIB, StorageCase


class SettingsTests(SynchronousTestCase):
    """What the settings allow."""

    def test_strangers(self) -> None:
        """An address that others reach needs client certificates, or an explicit word."""
        tls = NbdTlsSettings(certificate="c", key="k", ca="a")
        optional = NbdTlsSettings(certificate="c", key="k", ca="a", client_certificates="optional")
        self.assertRaises(SettingsError, checked, NbdSettings(tcp="0.0.0.0:10809"))
        self.assertRaises(SettingsError, checked, NbdSettings(tcp="10.1.2.3:1", tls=optional))
        for good in (
            NbdSettings(tcp="0.0.0.0:10809", tls=tls),
            NbdSettings(tcp="0.0.0.0:10809", trusts_network=True),
            NbdSettings(tcp="127.0.0.1:10809"),
            NbdSettings(tcp="[::1]:10809"),
            NbdSettings(tcp="localhost:10809"),
            NbdSettings(),
        ):
            self.assertEqual(checked(good), good)

    def test_no_authority(self) -> None:
        """Client certificates can't be looked at without an authority."""
        tls = NbdTlsSettings(certificate="c", key="k")
        self.assertRaises(SettingsError, checked, NbdSettings(tls=tls))

    def test_addresses(self) -> None:
        """Addresses have a host and a port."""
        self.assertEqual(parse_address("[::1]:10809"), ("::1", 10809))
        for port in ("x", "70000", "²", "9" * 5000):
            self.assertRaises(SettingsError, parse_address, f"host:{port}")
        for bad in ("", "host", "host:", ":1"):
            self.assertRaises(SettingsError, parse_address, bad)


class PumpTests(SynchronousTestCase):
    """Bytes between TLS and plain sockets."""

    def setUp(self) -> None:
        """A client's TLS socket, the plain end that belongs to it, and the pump between."""
        authority = Authority(self.mktemp())
        ours, theirs = socket.socketpair()
        self.plain, inner = socket.socketpair()
        context = context_of(
            authority.path("server-cert"), authority.path("server-key"), "", "none"
        )

        def serve() -> None:
            with theirs, inner, contextlib.suppress(OSError):
                Pump(context.wrap_socket(theirs, server_side=True), inner).run()

        self.thread = threading.Thread(target=serve, daemon=True)
        self.thread.start()
        known = ssl.create_default_context(cafile=authority.path("ca-cert"))
        self.secure = known.wrap_socket(ours, server_hostname="localhost")
        for sock in (self.secure, self.plain):
            sock.settimeout(10)
            self.addCleanup(sock.close)

    def ended(self) -> bool:
        """Whether the pump ends."""
        self.thread.join(10)
        return not self.thread.is_alive()

    def test_both_ways(self) -> None:
        """More than its buffers hold goes through unchanged, both ways at once."""
        data = os.urandom(5 * BUFFER_BYTES + 12345)
        senders = [
            threading.Thread(target=sock.sendall, args=(data,), daemon=True)
            for sock in (self.secure, self.plain)
        ]
        found = {}

        def receive(name: str, sock: Any) -> None:
            got = bytearray()
            while len(got) < len(data):
                got += sock.recv(1 << 20)
            found[name] = bytes(got)

        # One thread for each socket: Python's TLS sockets are not for two.
        senders[1].start()
        receiver = threading.Thread(target=receive, args=("plain", self.plain), daemon=True)
        receiver.start()
        self.secure.sendall(data[:1000])
        receive("secure", self.secure)
        self.secure.sendall(data[1000:])
        receiver.join(10)
        self.assertEqual(found, {"plain": data, "secure": data})

    def test_a_client_that_does_not_read(self) -> None:
        """Who does not read is not read for: the other side has to wait."""
        self.plain.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while sent < 64 * MIB:
                sent += self.plain.send(bytes(65536))
        self.assertLess(sent, 16 * MIB)

    def test_end_of_the_server(self) -> None:
        """The rest is delivered, then TLS is closed and not cut."""
        self.plain.sendall(b"rest")
        self.plain.close()
        self.assertEqual(self.secure.recv(10), b"rest")
        self.assertEqual(self.secure.recv(10), b"")
        with contextlib.suppress(OSError):
            self.secure.unwrap().close()
        self.assertTrue(self.ended())

    def test_end_of_the_client(self) -> None:
        """The server sees the end, may still answer, and then all ends."""
        self.secure.sendall(b"last words")
        self.secure.close()
        self.assertEqual(self.plain.recv(20), b"last words")
        self.assertEqual(self.plain.recv(20), b"")
        self.plain.close()
        self.assertTrue(self.ended())


class TlsCase(StorageCase):
    """A daemon with TCP and TLS."""

    async def address(self, **more: Any) -> tuple[str, int]:
        """Where it listens, with the volume "v"."""
        self.authority = Authority(f"{self.directory}/pki")
        tls = NbdTlsSettings(
            certificate=self.authority.path("server-cert"),
            key=self.authority.path("server-key"),
            ca=self.authority.path("ca-cert"),
            **more,
        )
        service = await self.serve(nbd=NbdSettings(tcp="127.0.0.1:0", tls=tls))
        await self.client().create("v", MIB)
        assert service._nbd is not None
        return service._nbd.addresses[-1]  # type: ignore[no-any-return]

    def client_context(self, *, with_certificate: bool = True) -> ssl.SSLContext:
        """TLS of a client."""
        context = ssl.create_default_context(cafile=self.authority.path("ca-cert"))
        if with_certificate:
            context.load_cert_chain(
                self.authority.path("client-cert"), self.authority.path("client-key")
            )
        return context

    def secured(self, address: tuple[str, int], context: ssl.SSLContext) -> ssl.SSLSocket:
        """A connection inside TLS, after the greeting."""
        sock = socket.create_connection(address, 10)
        self.addCleanup(sock.close)
        sock.sendall(struct.pack(">I", 3) + option(n.OPT_STARTTLS))
        greeting = b""
        while len(greeting) < 38:
            greeting += sock.recv(38 - len(greeting))
        self.assertEqual(struct.unpack(">QIII", greeting[18:])[2], n.REP_ACK)
        secure = context.wrap_socket(sock, server_hostname="localhost")
        self.addCleanup(secure.close)
        return secure


class TlsTests(TlsCase):
    """Clients inside TLS."""

    def talk(self, secure: ssl.SSLSocket) -> bytes:
        """Writes and reads; what was read."""
        export = option(n.OPT_EXPORT_NAME, b"v")
        write = request(n.CMD_WRITE, 4096, 5, n.CMD_FLAG_FUA) + b"hello"
        secure.sendall(export + write + request(n.CMD_READ, 4095, 7, cookie=2))
        found = b""
        while len(found) < 10 + 16 + 16 + 7:
            data = secure.recv(1000)
            if not data:
                break
            found += data
        return found[-23:] if b"hello" in found[-23:] else found[10:33]

    async def test_inside(self) -> None:
        """Inside TLS a client reads and writes."""
        address = await self.address()

        def conversation() -> bytes:
            return self.talk(self.secured(address, self.client_context()))

        self.assertIn(b"\0hello\0", await deferToThread(conversation))

    async def test_required(self) -> None:
        """Over TCP nothing is had outside TLS; the unix socket does without."""
        address = await self.address()

        def conversation() -> int:
            raw = socket.create_connection(address, 10)
            with raw, raw.makefile("rb") as file:
                file.read(18)
                raw.sendall(struct.pack(">I", 3) + option(n.OPT_LIST))
                kind: int = struct.unpack(">QIII", file.read(20))[2]
            local = RawClient(self.nbd_socket, structured=True)
            local.close()
            return kind

        self.assertEqual(await deferToThread(conversation), n.REP_ERR_TLS_REQD)

    async def refused(self, context: Callable[[], ssl.SSLContext], **more: Any) -> None:
        """A client with such a context gets nothing."""
        address = await self.address(**more)

        def conversation() -> bytes:
            try:
                return self.talk(self.secured(address, context()))
            except OSError:
                return b""

        self.assertEqual(await deferToThread(conversation), b"")

    async def test_no_certificate(self) -> None:
        """A client without a certificate is refused where one is required."""
        await self.refused(lambda: self.client_context(with_certificate=False))

    async def test_foreign_certificate(self) -> None:
        """A certificate of another authority is no good, even where it is optional."""

        def foreign() -> ssl.SSLContext:
            context = self.client_context(with_certificate=False)
            other = Authority(f"{self.directory}/other", "others")
            context.load_cert_chain(other.path("client-cert"), other.path("client-key"))
            return context

        await self.refused(foreign, client_certificates="optional")

    async def test_optional_certificate(self) -> None:
        """Where it is optional one can do without."""
        address = await self.address(client_certificates="optional")

        def conversation() -> bytes:
            return self.talk(self.secured(address, self.client_context(with_certificate=False)))

        self.assertIn(b"\0hello\0", await deferToThread(conversation))

    async def test_no_handshake(self) -> None:
        """Who starts TLS and then speaks plainly is disconnected; others are served."""
        address = await self.address()

        def conversation() -> tuple[bytes, bytes]:
            sock = socket.create_connection(address, 10)
            with sock, sock.makefile("rb") as file:
                sock.sendall(struct.pack(">I", 3) + option(n.OPT_STARTTLS))
                file.read(38)
                sock.sendall(option(n.OPT_LIST) * 20)
                try:
                    rest = file.read()
                except OSError:
                    rest = b""
            return rest, self.talk(self.secured(address, self.client_context()))

        rest, found = await deferToThread(conversation)
        self.assertNotIn(struct.pack(">Q", n.OPTION_REPLY_MAGIC), rest)
        self.assertIn(b"\0hello\0", found)

    async def test_many(self) -> None:
        """Many clients inside TLS at once."""
        address = await self.address()

        def conversation() -> list[bytes]:
            context = self.client_context()
            return [self.talk(sock) for sock in [self.secured(address, context) for _ in range(20)]]

        for found in await deferToThread(conversation):
            self.assertIn(b"\0hello\0", found)
