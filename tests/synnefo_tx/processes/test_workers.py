"""
`synnefo-api --workers 2`: real processes over one socket.
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
import urllib.request
from functools import cache, partial
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from twisted.trial.unittest import SynchronousTestCase

from tests.live.cloud import Daemon, eventually, free_ports

PROJECTS = "/identity/v3/projects"
TOKENS = "/identity/v3/auth/tokens"
START_S = 60.0


def settings(home: Path, port: int, nobody: int, metrics: int) -> str:
    """An API over SQLite whose cluster and storage are away."""
    return (
        f'database_url = "sqlite:///{home}/synnefo.db"\n'
        f'port = {port}\ntoken_keys = "{home}/token-keys"\n'
        f'block_endpoint = "unix:{home}/block.sock"\nblock_secret_file = "{home}/block.secret"\n'
        f'nbd_socket = "{home}/nbd.sock"\nmetrics_port = {metrics}\n'
        f'[first_start]\nfiles = "{home}/first"\n'
        f'[first_start.cluster]\nrapi_url = "https://127.0.0.1:{nobody}"\n'
        f'rapi_password_file = "{home}/rapi-password"\n'
    )


def two_in_a_row() -> int:
    """The first of two ports that nobody listens on."""
    while True:
        [first] = free_ports(1)
        with contextlib.suppress(OSError), socket.socket() as second:
            second.bind(("127.0.0.1", first + 1))
            return first


class Client:
    """One connection, which one worker serves."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._connection.connect()
        self.own_port = self._connection.sock.getsockname()[1]

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, Any], str]:
        """Status, body, and the token that the answer carries."""
        data = json.dumps(body).encode() if body is not None else None
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, data, given)
        answer = self._connection.getresponse()
        text = answer.read()
        told = json.loads(text) if text else {}
        return answer.status, told, answer.getheader("X-Subject-Token", "")

    def call_status(self, path: str) -> int:
        """Of a GET whose body is not looked at."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        answer.read()
        self._connection.close()
        return answer.status

    def log_in(self, password: str) -> str:
        """A token of the admin."""
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        body = {"auth": {"identity": identity, "scope": scope}}
        status, told, token = self.call("POST", TOKENS, body)
        assert status == 201, told
        return token

    def validated(self, token: str) -> int:
        """The status of a look at the token by itself."""
        return self.call("GET", TOKENS, X_Auth_Token=token, X_Subject_Token=token)[0]

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def wrong(client: Client) -> int:
    """The status of a log-in by a wrong password."""
    user = {"name": "nobody", "domain": {"id": "default"}, "password": "guess"}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    return client.call("POST", TOKENS, body)[0]


def forgotten(client: Client) -> int:
    """The status of asking for a letter."""
    body = {"email": "nobody@example.org"}
    return client.call("POST", "/account/v1.0/people/password/forgotten", body)[0]


class TwoWorkers:
    """`synnefo-api --workers 2` that serves."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="snfw"))
        self.port, nobody = free_ports(2)
        self.metrics = two_in_a_row()
        config = self.home / "api.toml"
        config.write_text(settings(self.home, self.port, nobody, self.metrics))
        (self.home / "rapi-password").write_text("nobody\n")
        self.notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notes.bind(str(self.home / "notify"))
        told = {"NOTIFY_SOCKET": str(self.home / "notify"), "WATCHDOG_USEC": "400000"}
        arguments = ["--config", str(config), "--workers", "2"]
        self.daemon = Daemon("synnefo-api", arguments, self.home, told)
        atexit.register(self.end)
        self.start()
        self.password = (self.home / "first" / "admin-password").read_text().strip()

    def start(self) -> None:
        """Returns when it is ready, as systemd would be told."""
        self.notes.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:  # what one that was killed has said
                self.notes.recv(100)
        self.notes.settimeout(START_S)
        self.daemon.start()
        try:
            said = self.notes.recv(100)
        except TimeoutError:
            raise AssertionError(self.daemon.log.read_text()) from None
        if said != b"READY=1":
            raise AssertionError(said)

    def end(self) -> None:
        """Stop it, and leave nothing."""
        with contextlib.suppress(AssertionError):
            self.daemon.stop()
        self.notes.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def workers(self) -> list[int]:
        """Process ids of those that serve."""
        text = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def replaced(self, before: list[int]) -> bool:
        """Whether one of two has another in its place."""
        return len(set(self.workers()) | set(before)) == 3

    def serving(self, client: Client) -> int:
        """Which process has the other end of the client's connection."""
        inodes = set()
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            ports = [int(address.split(":")[1], 16) for address in fields[1:3]]
            if ports == [self.port, client.own_port]:
                inodes.add(f"socket:[{fields[9]}]")
        for pid in self.workers():
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if os.readlink(descriptor) in inodes:
                        return pid
        return 0


@cache
def shared() -> TwoWorkers:
    """The one that tests share which leave it running."""
    return TwoWorkers()


class WorkersTests(SynchronousTestCase):
    """Two workers, started once."""

    def setUp(self) -> None:
        self.api = shared()

    def one_of_each(self) -> list[Client]:
        """A connection to each worker."""
        found: dict[int, Client] = {}

        def both() -> bool:
            client = Client(self.api.port)
            self.addCleanup(client.close)
            eventually(lambda: self.api.serving(client), 10, "the connection was taken")
            found.setdefault(self.api.serving(client), client)
            return len(found) == 2

        eventually(both, 30, "both workers take connections")
        return list(found.values())

    def test_revoked_by_the_other(self) -> None:
        """A token that one worker revokes is refused by the other within two seconds."""
        one, other = self.one_of_each()
        admin, token = one.log_in(self.api.password), one.log_in(self.api.password)
        self.assertEqual([one.validated(token), other.validated(token)], [200, 200])
        status, _, _ = one.call("DELETE", TOKENS, X_Auth_Token=admin, X_Subject_Token=token)
        revoked = time.monotonic()
        self.assertEqual(status, 204)
        self.assertEqual(one.validated(token), 401)
        eventually(lambda: other.validated(token) == 401, 2.0, "the other refuses it")
        self.assertLess(time.monotonic() - revoked, 2.0)

    def test_each_has_its_metrics(self) -> None:
        """Both count what they answer, on ports of their own; the public one has no metrics."""
        for client in self.one_of_each():
            client.validated(client.log_in(self.api.password))
        told = [
            urllib.request.urlopen(f"http://127.0.0.1:{self.api.metrics + number}/metrics")
            .read()
            .decode()
            for number in range(2)
        ]
        counted = (
            'synnefo_http_requests_total{method="POST",route="/v3/auth/tokens",'
            'service="identity",status="201"}'
        )
        for text in told:
            self.assertIn(counted, text)
            self.assertIn("synnefo_http_request_seconds_bucket", text)
            self.assertIn("synnefo_logins_refused_total", text)
            self.assertIn("synnefo_commissions_forgotten 0.0", text)
            self.assertRegex(text, r"(?m)^synnefo_revocations_age_seconds [\d.]+$")
        self.assertEqual(Client(self.api.port).call_status("/metrics"), 404)

    def test_rotated_keys_reach_both(self) -> None:
        """A token sealed with a new key is good at both, and so is one of before."""
        one, other = self.one_of_each()
        before = one.log_in(self.api.password)
        keys = self.api.home / "token-keys"
        newest = max(int(path.name) for path in keys.iterdir() if path.name.isdigit())
        fresh = keys / "fresh"
        fresh.touch(mode=0o600)
        fresh.write_bytes(Fernet.generate_key())
        fresh.rename(keys / str(newest + 1))
        os.kill(self.api.daemon.pid, signal.SIGHUP)

        def sealed_anew() -> bool:
            lines = self.api.daemon.log.read_text().count("there are other keys in")
            return lines >= 2

        eventually(sealed_anew, 10, "both workers have the new key")
        for issuer in (one, other):
            token = issuer.log_in(self.api.password)
            self.assertEqual([one.validated(token), other.validated(token)], [200, 200])
        self.assertEqual([one.validated(before), other.validated(before)], [200, 200])

    def test_wrong_passwords_count_at_both(self) -> None:
        """Who has used up the tries at one finds less than a worker's tries at the other."""
        one, other = self.one_of_each()
        self.assertEqual([wrong(one) for _ in range(5)], [401] * 5)
        told = []
        for _ in range(4):
            time.sleep(0.3)
            told.append(wrong(other))
        self.assertIn(429, told)

    def test_letters_count_at_both(self) -> None:
        """A mailbox gets no more of them because there are more workers."""
        one, other = self.one_of_each()
        self.assertEqual([forgotten(one) for _ in range(3)], [202] * 3)
        told = []
        for _ in range(3):  # what the other gives when it counts alone
            time.sleep(0.7)
            told.append(forgotten(other))
        self.assertIn(429, told)

    def test_killed_under_load(self) -> None:
        """
        What was acknowledged is there, the port never refuses, and there are two workers again.
        """
        client = Client(self.api.port)
        self.addCleanup(client.close)
        token = client.log_in(self.api.password)
        made: set[str] = set()
        refused: list[OSError] = []
        done = threading.Event()

        def load(number: int) -> None:
            count = 0
            while not done.is_set():
                name = f"load-{number}-{count}"
                count += 1
                try:
                    mine = Client(self.api.port)
                except ConnectionRefusedError as error:
                    refused.append(error)
                    continue
                with contextlib.suppress(OSError, http.client.HTTPException):
                    body = {"project": {"name": name}}
                    if (
                        mine.call("POST", "/identity/v3/projects", body, X_Auth_Token=token)[0]
                        == 201
                    ):
                        made.add(name)
                mine.close()

        threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                eventually(lambda: len(self.api.workers()) == 2, 20, "there are two")
                before, enough = self.api.workers(), len(made) + 5
                eventually(partial(longer, made, enough), 20, "there is load")
                os.kill(before[0], signal.SIGKILL)
                eventually(partial(self.api.replaced, before), 20, "another took its place")
        finally:
            done.set()
            for thread in threads:
                thread.join()
        _, told, _ = Client(self.api.port).call("GET", PROJECTS, X_Auth_Token=token)
        self.assertEqual(refused, [])
        self.assertGreater(len(made), 10)
        self.assertLessEqual(made, {one["name"] for one in told["projects"]})
        eventually(lambda: self.one_of_each(), 20, "both serve again")

    def test_systemd_gets_signs_of_life(self) -> None:
        """They come while somebody serves."""
        self.assertEqual(self.api.notes.recv(100), b"WATCHDOG=1")

    def test_ends_whole(self) -> None:
        """SIGTERM ends all of it; workers whose parent was killed end by themselves."""
        api = TwoWorkers()
        self.addCleanup(api.end)
        for end in (api.daemon.kill, api.daemon.stop):
            pids = api.workers()
            self.assertEqual(len(pids), 2)
            end()
            eventually(partial(ended, pids), 10, "all ended")
            if end == api.daemon.kill:
                api.start()


def ended(pids: list[int]) -> bool:
    """Whether none of them is there."""
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def longer(made: set[str], count: int) -> bool:
    """Whether there are more."""
    return len(made) > count
