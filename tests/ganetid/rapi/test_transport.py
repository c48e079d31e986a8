"""
The remote API of a daemon in a process of its own: plain HTTP, signals, connections.
"""

from __future__ import annotations

import atexit
import base64
import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from unittest import TestCase

from benchmarks.rapi.client import Client
from benchmarks.rapi.daemon import Daemon, running_daemon

CLIENTS = 25  # a Ganeti has 20 at most
REQUESTS = 8
PATIENCE_S = 30.0


@cache
def shared_daemon() -> Daemon:
    """One for all tests of this file, ended with the process."""
    running = running_daemon(settings="rapi_tls = false\n")
    atexit.register(running.__exit__, None, None, None)
    return running.__enter__()


class PlainTests(TestCase):
    """What clients see."""

    def setUp(self) -> None:
        self.daemon = shared_daemon()

    def connected(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=PATIENCE_S)
        self.addCleanup(connection.close)
        connection.connect()
        return connection

    def test_plain(self) -> None:
        """Without TLS it speaks HTTP, to put behind a proxy, and makes no certificate."""
        connection = self.connected()
        connection.request("GET", "/version")
        self.assertEqual(connection.getresponse().read(), b"2")
        self.assertFalse((self.daemon.home / "g" / "rapi.pem").exists())

    def test_hangup(self) -> None:
        """SIGHUP has the users file read again and ends nothing."""
        client = Client(self.daemon.base, "late", "secret")
        users = self.daemon.home / "users"
        with self.assertRaisesRegex(RuntimeError, "401"):
            client.call("GET", "/2/query/node?fields=name")
        users.write_text(f"{users.read_text()}late secret read\n")
        os.kill(self.daemon.pid, signal.SIGHUP)
        self.assertEqual(len(client.call("GET", "/2/query/node?fields=name")["data"]), 1)
        told = (self.daemon.home / "log").read_text()
        self.assertIn("SIGHUP", told)

    def test_many_kept(self) -> None:
        """More clients than a Ganeti takes, all at once, each on a connection that is kept."""
        connections = [self.connected() for _ in range(CLIENTS)]
        ports = [each.sock.getsockname()[1] for each in connections]

        def read(connection: http.client.HTTPConnection) -> Iterator[int]:
            for number in range(REQUESTS):
                connection.request("GET", ("/2/info", "/2/nodes?bulk=1")[number % 2])
                answer = connection.getresponse()
                answer.read()
                yield answer.status

        with ThreadPoolExecutor(CLIENTS) as pool:
            statuses = list(pool.map(lambda each: list(read(each)), connections))
        self.assertEqual(statuses, [[200] * REQUESTS] * CLIENTS)
        self.assertEqual([each.sock.getsockname()[1] for each in connections], ports)

    def test_slow_clients(self) -> None:
        """Clients that stop in the middle of a request, or don't read their answer, block none."""
        slow = [socket.create_connection(("127.0.0.1", self.daemon.port)) for _ in range(CLIENTS)]
        for number, each in enumerate(slow):
            self.addCleanup(each.close)
            each.sendall(UNFINISHED[number % len(UNFINISHED)])
        connection, begun = self.connected(), time.monotonic()
        for _ in range(REQUESTS):
            connection.request("GET", "/2/info")
            self.assertEqual(connection.getresponse().read()[:1], b"{")
        self.assertLess(time.monotonic() - begun, 5)

    def test_log(self) -> None:
        """The log tells of changes and refusals, and not of every read."""
        client = Client(self.daemon.base)
        client.call("GET", "/2/groups?bulk=1")
        client.ended(client.call("PUT", "/2/tags?tag=told"))
        self.assertEqual(client.answer("GET", "/2/groups/absent").status, 404)
        client.ended(client.call("DELETE", "/2/tags?tag=told"))
        told = (self.daemon.home / "log").read_text()
        self.assertIn("PUT /2/tags?tag=told", told)
        self.assertIn("GET /2/groups/absent", told)
        self.assertNotIn("GET /2/groups?bulk=1", told)

    def test_no_http(self) -> None:
        """What is no HTTP, or too much of it, ends its own connection and nothing else."""
        for sent in NO_HTTP:
            with socket.create_connection(("127.0.0.1", self.daemon.port)) as connection:
                connection.settimeout(PATIENCE_S)
                with suppress(OSError):  # it may hang up before it has heard everything
                    connection.sendall(sent)
                    while connection.recv(65536):
                        pass
        self.assertEqual(Client(self.daemon.base).call("GET", "/version"), 2)
        self.assertNotIn("Traceback", (self.daemon.home / "log").read_text())

    def test_strange_places(self) -> None:
        """Who follows events from a place that can't be follows them all the same."""
        for query, last in (("?after=" + "9" * 30, "0"), ("?after=-7", "0"), ("", "9" * 5000)):
            connection = self.connected()
            basic = base64.b64encode(b"admin:secret").decode()
            headers = {"Authorization": f"Basic {basic}", "Last-Event-ID": last}
            connection.request("GET", f"/2/events{query}", headers=headers)
            self.assertEqual(connection.getresponse().status, 200, query)

    def test_readonly(self) -> None:
        """Who has the role @readonly sees everything and changes nothing."""
        users = self.daemon.home / "users"
        users.write_text(f"{users.read_text()}watcher secret @readonly\n")
        watcher = Client(self.daemon.base, "watcher", "secret")
        self.assertEqual(watcher.call("GET", "/2/nodes")[0]["id"], "node1")
        self.assertEqual(len(watcher.call("GET", "/2/query/node?fields=name")["data"]), 1)
        for method, path, body in FORBIDDEN:
            with self.assertRaisesRegex(RuntimeError, "403", msg=path):
                watcher.call(method, path, body)
        self.assertEqual(Client(self.daemon.base).call("GET", "/2/tags"), [])


UNFINISHED = (
    b"GET /2/info HTTP/1.1\r\nHost: x\r\n",
    b"POST /2/instances HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
)
NO_HTTP = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500) + b"\r\n\r\n",
    b"\r\n\r\n\r\nGET\r\n\r\n",
    b"GET /version HTTP/9.9\r\n\r\n",
    b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5_000 + b"\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"PUT /2/tags HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"PUT /2/tags HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"PUT /2/tags HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"GET /2/info\x00 HTTP/1.1\r\nConnection: close\r\n\r\n",
    b"GET /%00%ff%zz HTTP/1.1\r\nConnection: close\r\n\r\n",
    *(
        b"GET /2/features HTTP/1.1\r\n" + name + b": \xff\xfe\r\nConnection: close\r\n\r\n"
        for name in (b"Authorization", b"Content-Type", b"Accept-Encoding", b"If-None-Match")
    ),
)
FORBIDDEN = (
    ("PUT", "/2/tags?tag=a", None),
    ("PUT", "/2/tags?tag=a&dry-run=1", None),
    ("PUT", "/2/modify", {"beparams": {"vcpus": 3}}),
    ("POST", "/2/instances", {"__version__": 1}),
    ("DELETE", "/2/jobs/1", None),
    ("GET", "/2/jobs/1/wait", {"fields": ["status"]}),
    ("POST", "/2/filters", {}),
)
