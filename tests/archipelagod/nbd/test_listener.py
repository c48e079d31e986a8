"""
Where NBD clients come in.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import struct
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.nbd import numbers as n
from archipelagod.nbd.doors import inherited_sockets, initial_environment, unix_socket
from archipelagod.nbd.listener import MAX_NEGOTIATING, PATIENCE_S, Door
from archipelagod.nbd.peers import owner_of, peer_uid
from archipelagod.nbd.settings import NbdSettings
from tests.archipelagod.nbd.raw import RawClient, option
from tests.archipelagod.running import MIB, StorageCase
from tests.fuzz.nbd_client_targets import FakeReactor


class PeerTests(SynchronousTestCase):
    """Who is at the other end."""

    def test_unix(self) -> None:
        """On a unix socket it is a process and its user."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        self.assertEqual(owner_of(ours), os.getpid())
        self.assertEqual(peer_uid(ours), os.geteuid())

    def test_tcp(self) -> None:
        """Over TCP it is a host, the same for all its connections, and no process."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            clients = [socket.create_connection(server.getsockname()) for _ in range(2)]
            accepted = [server.accept()[0] for _ in clients]
        for sock in (*clients, *accepted):
            self.addCleanup(sock.close)
        owners = {owner_of(sock) for sock in accepted}
        self.assertEqual(owners, {-1 - 0x7F000001})


class DoorTests(SynchronousTestCase):
    """Listening sockets."""

    def test_mode(self) -> None:
        """The socket has its mode from the start, and replaces what was there."""
        path = f"/tmp/door-{os.getpid()}"
        self.addCleanup(os.unlink, path)
        for mode in (0o600, 0o666):
            unix_socket(path, mode).close()
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode)

    def test_meant_for_another(self) -> None:
        """Variables that name another process, or no number, mean nothing."""
        for pid, count in (("1", "1"), ("", "1"), ("x", "1"), (str(os.getpid()), "x")):
            environment = {"LISTEN_PID": pid, "LISTEN_FDS": count}
            self.assertEqual(inherited_sockets(environment), [])

    def test_other_names(self) -> None:
        """Of sockets with names those are ours that are named so."""
        names = {"LISTEN_FDNAMES": "http:x"}
        environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", **names}
        self.assertEqual(inherited_sockets(environment), [])

    def test_initial_environment(self) -> None:
        """What was set since does not count."""
        self.patch(os, "environ", {})
        self.assertIn("PATH", initial_environment())


class NoRoom:
    """
    A listening socket whose next client can't be accepted, again and again.
    """

    def __init__(self, error: int) -> None:
        self.error = error
        self.asked = 0

    def accept(self) -> None:
        """See socket."""
        self.asked += 1
        if self.asked > 3:
            raise BlockingIOError
        raise OSError(self.error, os.strerror(self.error))

    def fileno(self) -> int:
        """See socket."""
        return 0

    def close(self) -> None:
        """See socket."""


class NoRoomTests(SynchronousTestCase):
    """Clients that can't be accepted."""

    def door(self, error: int) -> tuple[Any, FakeReactor, NoRoom]:
        """One at which they come."""
        reactor, listening = FakeReactor(), NoRoom(error)
        sock: Any = listening
        door = Door(reactor, sock, lambda _: True, lambda *_: self.fail("nobody came"))
        return door, reactor, listening

    def test_no_descriptors(self) -> None:
        """Without file descriptors the daemon does not ask again and again, but after a while."""
        door, reactor, listening = self.door(errno.EMFILE)
        door.doRead()
        self.assertEqual((listening.asked, reactor.readers), (1, set()))
        reactor.advance(PATIENCE_S)
        self.assertEqual(reactor.readers, {door})

    def test_closed_meanwhile(self) -> None:
        """A door that is closed meanwhile stays so."""
        door, reactor, _ = self.door(errno.EMFILE)
        door.doRead()
        door.close()
        self.assertEqual((reactor.readers, reactor.getDelayedCalls()), (set(), []))

    def test_gone_already(self) -> None:
        """A client that is gone before it is accepted holds up nobody."""
        door, reactor, listening = self.door(errno.ECONNABORTED)
        door.doRead()
        self.assertEqual((listening.asked, reactor.readers), (4, {door}))


class UserTests(StorageCase):
    """Who may use the unix socket."""

    if os.geteuid():
        skip = "needs root, to be another user"

    async def outcome(self, nbd: NbdSettings) -> bool:
        """Whether the user 65534 is served."""
        await self.serve(datapath="inline", nbd=nbd)
        await self.client().create("v", MIB)
        os.chmod(self.directory, 0o755)
        return await deferToThread(self._as_nobody)

    def _as_nobody(self) -> bool:
        child = os.fork()
        if not child:
            try:
                os.setresuid(65534, 65534, 65534)
                RawClient(self.nbd_socket, structured=False)
            except (OSError, struct.error):
                os._exit(1)
            os._exit(0)
        return os.waitpid(child, 0)[1] == 0

    async def test_ours_alone(self) -> None:
        """With no users named the socket is ours alone."""
        self.assertFalse(await self.outcome(NbdSettings()))

    async def test_named(self) -> None:
        """A user that is named is served."""
        self.assertTrue(await self.outcome(NbdSettings(uids=(65534,))))

    async def test_others(self) -> None:
        """With others named a user is turned away, and we ourselves are served."""
        self.assertFalse(await self.outcome(NbdSettings(uids=(1234,))))
        await deferToThread(lambda: RawClient(self.nbd_socket, structured=False).close())


class DefaultTests(StorageCase):
    """The export without a name."""

    async def test_default(self) -> None:
        """It is the volume of the settings, or there is none."""
        await self.serve(datapath="inline", nbd=NbdSettings(default_export="v"))
        await self.client().create("v", MIB)
        await self.qemu_io("", "read -P 0 0 4k")


class CrowdTests(StorageCase):
    """Many clients at once."""

    async def test_idlers(self) -> None:
        """Clients that say nothing give way to those that want something."""
        await self.serve(datapath="inline")
        await self.client().create("v", MIB)
        for _ in range(MAX_NEGOTIATING + 20):
            idler = socket.socket(socket.AF_UNIX)
            idler.settimeout(10)
            self.addCleanup(idler.close)
            await deferToThread(idler.connect, self.nbd_socket)
        raw = await deferToThread(RawClient, self.nbd_socket, structured=True)
        raw.close()

    async def test_many_questions_at_once(self) -> None:
        """Who sends thousands of options ahead is answered each."""
        await self.serve(datapath="inline")
        await self.client().create("v", MIB)
        count = 2500
        asked = option(n.OPT_INFO, b"\0\0\0\0\0\0") * count  # there is no default export

        def ask() -> list[int]:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(10)
                sock.connect(self.nbd_socket)
                sock.sendall(struct.pack(">I", 3) + asked)
                heard = sock.makefile("rb")
                heard.read(18)
                kinds = []
                for _ in range(count):
                    _, _, kind, size = struct.unpack(">QIII", heard.read(20))
                    heard.read(size)
                    kinds.append(kind)
                return kinds

        self.assertEqual(await deferToThread(ask), [n.REP_ERR_UNKNOWN] * count)

    async def test_a_list_nobody_reads(self) -> None:
        """Who asks for lists and does not read them holds up nobody."""
        await self.serve(datapath="inline")
        client = self.client()
        for number in range(30):
            await client.create(f"{'x' * 90}{number}", MIB)
        await client.create("v", MIB)
        greedy = socket.socket(socket.AF_UNIX)
        self.addCleanup(greedy.close)
        greedy.connect(self.nbd_socket)
        greedy.setblocking(False)
        sent = greedy.send(struct.pack(">I", 3))
        with contextlib.suppress(BlockingIOError):
            while sent < 16 * MIB:
                sent += greedy.send(option(n.OPT_LIST) * 1000)
        self.assertLess(sent, 16 * MIB)
        raw = await deferToThread(RawClient, self.nbd_socket, structured=True)
        raw.close()
