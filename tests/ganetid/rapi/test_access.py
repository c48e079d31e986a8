"""
Who may do what: roles, permissions, tokens, and how often one may be wrong.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ganetid.rapi.attempts import Attempts, source_of
from ganetid.rapi.faults import Fault
from ganetid.rapi.gate import Gate
from ganetid.rapi.rights import permission_of, rights_of
from ganetid.rapi.routes import RESOURCES
from ganetid.rapi.tokens import TokenFile, new_token
from ganetid.rapi.users import Users
from tests.ganetid.cluster import NAME, Client, ClusterTestCase

WRITE = frozenset({"write"})
READ = frozenset({"read", "write"})


class RightsTests(SynchronousTestCase):
    """Words of the users file."""

    def test_ganetis_words(self) -> None:
        """read and write are what they always were."""
        self.assertTrue(rights_of(["write"]).allow(WRITE, "instances.create"))
        self.assertFalse(rights_of(["read"]).allow(WRITE, "instances.create"))
        self.assertTrue(rights_of(["read"]).allow(READ, "instances.console"))
        self.assertFalse(rights_of([]).allow(READ, "query.query"))

    def test_roles(self) -> None:
        """An operator starts and stops, and makes nothing."""
        operator = rights_of(["@operator"])
        self.assertTrue(operator.allow(WRITE, "instances.startup"))
        self.assertTrue(operator.allow(WRITE, "jobs.delete"))
        self.assertFalse(operator.allow(WRITE, "instances.create"))
        self.assertFalse(rights_of(["@readonly"]).allow(WRITE, "instances.startup"))
        self.assertTrue(rights_of(["@admin"]).allow(WRITE, "cluster.modify"))
        self.assertFalse(rights_of(["@unheard-of"]).allow(READ, "instances.query"))

    def test_denied(self) -> None:
        """What is taken away is away, whatever else is there."""
        rights = rights_of(["@admin", "-instances.delete"])
        self.assertFalse(rights.allow(WRITE, "instances.delete"))
        self.assertTrue(rights.allow(WRITE, "instances.create"))
        self.assertFalse(rights_of(["-jobs.*"]).allow(frozenset(), "jobs.query"))

    def test_permissions(self) -> None:
        """Every method of every resource has a permission of two words; some by name."""
        for path, verbs in RESOURCES.items():
            for method in verbs:
                self.assertRegex(permission_of(method, path), r"^[a-z-]+\.[a-z-]+$")
        for method, path, permission in (
            ("POST", "/2/instances", "instances.create"),
            ("DELETE", "/2/instances/{name}", "instances.delete"),
            ("PUT", "/2/instances/{name}/startup", "instances.startup"),
            ("POST", "/2/instances/{name}/disk/{id}/grow", "instances.grow"),
            ("GET", "/2/instances/{name}/console", "instances.console"),
            ("GET", "/2/instances/{name}/tags", "instances.query"),
            ("PUT", "/2/nodes/{name}/role", "nodes.modify"),
            ("PUT", "/2/modify", "cluster.modify"),
            ("GET", "/2/info", "cluster.query"),
            ("DELETE", "/2/jobs/{id}", "jobs.delete"),
        ):
            self.assertEqual(permission_of(method, path), permission, (method, path))


class AttemptsTests(SynchronousTestCase):
    """A few at once, then slowly."""

    def test_burst(self) -> None:
        """So many may fail, then one each interval."""
        attempts = Attempts(burst=3, every_s=10.0)
        for _ in range(3):
            self.assertEqual(attempts.wait_s("a", 100.0), 0.0)
            attempts.failed("a", 100.0)
        self.assertEqual(attempts.wait_s("a", 100.0), 10.0)
        self.assertEqual(attempts.wait_s("b", 100.0), 0.0)
        self.assertEqual(attempts.wait_s("a", 110.0), 0.0)

    def test_sources(self) -> None:
        """Whoever has a whole network of IPv6 has no more attempts than others."""
        for address, source in (
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::7", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("", ""),
        ):
            self.assertEqual(source_of(address), source)

    @given(st.lists(st.floats(0, 50), max_size=60))
    def test_never_faster(self, gaps: list[float]) -> None:
        """Whatever the pace, no more are listened to than the burst and one each interval."""
        attempts = Attempts(burst=5, every_s=10.0)
        now, heard = 0.0, 0
        for gap in gaps:
            now += gap
            if attempts.wait_s("a", now) == 0:
                attempts.failed("a", now)
                heard += 1
        self.assertLessEqual(heard, 5 + now / 10.0 + 1e-6)


class TokenTests(SynchronousTestCase):
    """The file of tokens, and the gate that reads it."""

    def setUp(self) -> None:
        self.now = 1000.0
        self.file = TokenFile(Path(self.mktemp()))
        users = Path(self.mktemp())
        users.write_text("admin secret write\n")
        self.gate = Gate(Users(users), lambda: self.now, self.file)

    def may(self, token: str, access: frozenset[str], permission: str) -> int:
        try:
            caller = self.gate.let_in(f"Bearer {token}", "192.0.2.1", access, permission)
        except Fault as fault:
            return fault.status
        assert caller is not None
        return 200

    def test_scope_and_expiry(self) -> None:
        """A token may what is written down for it, until it expires or is revoked."""
        token, record = new_token("ci", ("instances.startup",), 1000.0, 2000.0)
        self.file.add(record)
        self.assertEqual(self.may(token, WRITE, "instances.startup"), 200)
        self.assertEqual(self.may(token, WRITE, "instances.create"), 403)
        self.assertEqual(self.may(f"{record.id}.guess", WRITE, "instances.startup"), 401)
        self.now = 2000.0
        self.assertEqual(self.may(token, WRITE, "instances.startup"), 401)
        self.now = 1500.0
        self.assertTrue(self.file.revoke(record.id))
        self.assertEqual(self.may(token, WRITE, "instances.startup"), 401)

    def test_no_secret_on_disk(self) -> None:
        """The file holds no token, and nobody else may read it."""
        token, record = new_token("ci", ("read",), 1000.0, None)
        self.file.add(record)
        path = self.file._path
        self.assertNotIn(token.partition(".")[2], path.read_text())
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_label(self) -> None:
        """A job remembers the user, the token and the address."""
        token, record = new_token("ci", ("write",), 1000.0, None)
        self.file.add(record)
        caller = self.gate.let_in(f"Bearer {token}", "192.0.2.1", WRITE, "instances.create")
        assert caller is not None
        self.assertEqual(caller.label, f"ci (token {record.id}) from 192.0.2.1")


class GateTests(ClusterTestCase):
    """The real remote API."""

    def run_test(self, test: Any, **settings: Any) -> Deferred[None]:
        async def run() -> None:
            await test(await self.start(**settings))

        return Deferred.fromCoroutine(run())

    def test_token(self) -> Deferred[None]:
        """A token in the state directory lets its holder in; Basic goes on working."""
        token, record = new_token("ci", ("read",), time.time(), time.time() + 60)

        async def check(client: Client) -> None:
            TokenFile(self.directory / "g" / "tokens.json").add(record)
            nobody = Client(self.services[-1].rapi_port, user=None)
            bearer = {"authorization": f"Bearer {token}"}
            status, _, _ = await nobody.send("GET", "/2/query/node?fields=name", b"", bearer)
            self.assertEqual(status, 200)
            path = f"/2/instances/{NAME}/startup"
            status, _, _ = await nobody.send("PUT", path, b"", bearer)
            self.assertEqual(status, 403)
            self.assertEqual((await client.call("GET", "/2/info"))[0], 200)

        return self.run_test(check)

    def test_wrong_passwords(self) -> Deferred[None]:
        """After too many wrong passwords even the right one has to wait, and is told how long."""

        async def check(client: Client) -> None:
            wrong = Client(self.services[-1].rapi_port, "admin", "guess")
            statuses = {(await wrong.call("GET", "/version"))[0] for _ in range(25)}
            self.assertEqual(statuses, {401, 429})
            status, body, headers = await client.send("GET", "/version")
            self.assertEqual((status, body["code"]), (429, 429))
            self.assertGreater(int(headers.getRawHeaders("retry-after")[0]), 0)
            nobody = Client(self.services[-1].rapi_port, user=None)
            self.assertEqual(await nobody.call("GET", "/version"), (200, 2))

        return self.run_test(check)

    def test_reads_need_a_user(self) -> Deferred[None]:
        """Where the operator wants it so, nobody reads anonymously."""

        async def check(client: Client) -> None:
            nobody = Client(self.services[-1].rapi_port, user=None)
            self.assertEqual((await nobody.call("GET", "/2/instances"))[0], 401)
            self.assertEqual((await client.call("GET", "/2/instances"))[0], 200)

        return self.run_test(check, rapi_needs_user=True)
