"""
Events posted to addresses of others.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import select, update
from treq.testing import StubTreq
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.events.api.routes import events_router
from synnefo_tx.events.hub import Hub
from synnefo_tx.events.place import Place
from synnefo_tx.events.posting import AddressRefused, Allowed, poster
from synnefo_tx.events.rows.feed import Event, append
from synnefo_tx.events.rows.tables import webhooks
from synnefo_tx.events.rows.webhooks import MOST_OF_A_PROJECT, seal_anew
from synnefo_tx.events.sender import ENDED_AFTER, EVERY_S, LEASE_S, Sender, delay_s, signature
from synnefo_tx.identity.rows import accounts
from synnefo_tx.identity.secret_box import SecretBox
from tests.synnefo_tx.cloud_over import cloud_over
from tests.synnefo_tx.identity.cloud import identity_cloud

URL = "https://hooks.example.org/x"


class Address:
    """
    What was posted; `answers` are given in turn, the last again and again.
    """

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, Any], Any]] = []
        self.answers: list[Any] = [200]

    def __call__(self, url: str, body: bytes, headers: Any) -> Any:
        self.got.append((url, json.loads(body), dict(headers)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Deferred):
            return answer
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)

    @property
    def ids(self) -> list[str]:
        return [body["id"] for _, body, _ in self.got]


class WebhookCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)
        self.box = self.cloud.context.secrets
        self.reactor = Clock()
        given = cloud_over(self.cloud.database, self.cloud.authenticator, self.cloud.clock)
        hub = Hub(self.cloud.database, self.cloud.clock, self.reactor)
        root = Resource()
        root.putChild(b"events", events_router(given, hub, self.box).resource())
        self._treq: Any = StubTreq(root)
        self.token = self.cloud.token("alice", {"project": {"id": "p1"}})

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        asked = self._treq.request(
            method,
            f"http://cloud.test/events{path}",
            headers={"X-Auth-Token": token or self.token, "Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode(),
        )
        self._treq.flush()
        response = self.successResultOf(asked)
        text = self.successResultOf(response.content())
        return response.code, json.loads(text) if text else None

    def hook(self, **fields: Any) -> dict[str, Any]:
        status, body = self.call("POST", "/webhooks", {"webhook": {"url": URL, **fields}})
        self.assertEqual(status, 201, body)
        return dict(body["webhook"])

    def sql(self, statement: Any) -> Any:
        return self.cloud.write(lambda connection: connection.execute(statement))

    def rows(self, table: Any) -> list[Any]:
        return list(self.cloud.write(lambda connection: connection.execute(select(table)).all()))


class ApiTests(WebhookCase):
    def test_life(self) -> None:
        made = self.hook(kinds=["server"])
        self.assertEqual(made["project_id"], "p1")
        self.assertGreaterEqual(len(made.pop("secret")), 32)
        self.assertEqual(self.call("GET", "/webhooks"), (200, {"webhooks": [made]}))
        self.assertEqual(self.call("GET", f"/webhooks/{made['id']}"), (200, {"webhook": made}))
        self.assertEqual(self.call("DELETE", f"/webhooks/{made['id']}"), (204, None))
        self.assertEqual(self.call("GET", f"/webhooks/{made['id']}")[0], 404)
        self.assertEqual(self.call("DELETE", f"/webhooks/{made['id']}")[0], 404)

    def test_lines_in_the_audit_log(self) -> None:
        made = self.hook()
        self.call("DELETE", f"/webhooks/{made['id']}")
        told = [(row.action, row.target_id) for row in self.rows(audit_log)]
        self.assertIn(("events:create_webhook", made["id"]), told)
        self.assertIn(("events:delete_webhook", made["id"]), told)
        self.assertNotIn(made["secret"], repr(self.rows(audit_log)))

    def test_the_secret_is_sealed(self) -> None:
        made = self.hook(secret="a secret of sixteen")
        [row] = self.rows(webhooks)
        self.assertEqual(made["secret"], "a secret of sixteen")
        self.assertNotIn("a secret", row.secret)
        self.assertEqual(self.box.open(row.secret), "a secret of sixteen")

    def test_new_keys(self) -> None:
        """
        A rotation of the credential keys seals them anew.
        """
        self.hook(secret="a secret of sixteen")
        other = SecretBox([Fernet.generate_key(), *self.box.keys])
        after: str | None = ""
        while after is not None:
            after = self.cloud.write(seal_anew, other.seal_anew, after)
        [row] = self.rows(webhooks)
        self.assertEqual(SecretBox(other.keys[:1]).open(row.secret), "a secret of sixteen")

    def test_of_others(self) -> None:
        self.cloud.write(accounts.assign, "u-bob", "p2", "role-member")
        made, bobs = self.hook(), self.cloud.token("bob", {"project": {"id": "p2"}})
        self.assertEqual(self.call("GET", "/webhooks", token=bobs), (200, {"webhooks": []}))
        for method in ("GET", "DELETE"):
            self.assertEqual(self.call(method, f"/webhooks/{made['id']}", token=bobs)[0], 404)
        self.assertEqual(len(self.rows(webhooks)), 1)

    def test_too_many(self) -> None:
        for _ in range(MOST_OF_A_PROJECT):
            self.hook()
        status, body = self.call("POST", "/webhooks", {"webhook": {"url": URL}})
        self.assertEqual(status, 409, body)

    def test_bad_bodies(self) -> None:
        for fields in (
            {"url": ""},
            {"url": "nonsense"},
            {"url": "ftp://a/b"},
            {"url": "http://"},
            {"url": "http://a:0/"},
            {"url": "http://a:99999/"},
            {"url": "http://user:pass@a/"},
            {"url": "http://a/é"},
            {"url": "http://[::1/"},
            {"url": URL, "kinds": "server"},
            {"url": URL, "kinds": ["UPPER"]},
            {"url": URL, "secret": "short"},
            {"url": URL, "more": 1},
            {},
        ):
            status, body = self.call("POST", "/webhooks", {"webhook": fields})
            self.assertEqual(status, 400, (fields, body))
        self.assertEqual(self.rows(webhooks), [])


class SenderTests(WebhookCase):
    def setUp(self) -> None:
        super().setUp()
        self.address = Address()
        self.sender = self.new_sender()

    def new_sender(self) -> Sender:
        return Sender(self.cloud.database, self.box, self.address, self.cloud.clock, self.reactor)

    def happen(self, thing_id: str, kind: str = "server", project_id: str = "p1") -> None:
        event = Event(project_id=project_id, kind=kind, thing_id=thing_id, name="created")
        self.cloud.write(append, event, int(self.cloud.clock() * 1e6))

    def look(self, sender: Sender | None = None) -> None:
        self.successResultOf(Deferred.fromCoroutine((sender or self.sender).once()))

    def test_in_order_and_once(self) -> None:
        self.happen("before")
        self.hook()
        for name in ("one", "two", "three"):
            self.happen(name)
        self.look()
        self.look()
        self.assertEqual(self.address.ids, ["one", "two", "three"])
        self.happen("four")
        self.look()
        self.assertEqual(self.address.ids, ["one", "two", "three", "four"])

    def test_signed(self) -> None:
        made = self.hook()
        self.happen("one")
        self.look()
        [(url, body, headers)] = self.address.got
        self.assertEqual((url, body["event"], body["kind"]), (URL, "created", "server"))
        text = (
            f"{headers['X-Synnefo-Event-Id']}.".encode()
            + json.dumps(body, separators=(",", ":")).encode()
        )
        said = hmac.new(made["secret"].encode(), text, hashlib.sha256).hexdigest()
        self.assertEqual(headers["X-Synnefo-Signature"], f"sha256={said}")
        self.assertEqual(headers["X-Synnefo-Event"], "server.created")
        place = Place(0, 1)
        self.assertNotEqual(signature("one", place, b"{}"), signature("other", place, b"{}"))

    def test_what_happens_meanwhile(self) -> None:
        """
        It is sent after what is being sent, though nothing happens any more.
        """
        self.hook()
        self.happen("one")
        slow: Deferred[int] = Deferred()
        self.address.answers = [slow, 200]
        self.look()
        self.happen("two")
        self.look()
        slow.callback(200)
        self.look()
        self.assertEqual(self.address.ids, ["one", "two"])

    def test_kinds_and_projects(self) -> None:
        self.hook(kinds=["volume"])
        self.happen("server")
        self.happen("volume", "volume")
        self.happen("theirs", "volume", "p2")
        self.look()
        self.assertEqual(self.address.ids, ["volume"])

    def test_many(self) -> None:
        self.hook()
        names = [f"n{number}" for number in range(130)]
        for name in names:
            self.happen(name)
        for _ in range(4):
            self.look()
        self.assertEqual(self.address.ids, names)

    def test_tried_again(self) -> None:
        """
        After a while that grows; what was taken before is not sent again.
        """
        self.hook()
        for name in ("one", "two"):
            self.happen(name)
        self.address.answers = [200, 500, OSError("no route"), 302, 200]
        self.look()
        self.assertEqual(self.address.ids, ["one", "two"])
        self.look()
        self.assertEqual(len(self.address.got), 2)
        for failures in (1, 2, 3):
            self.cloud.now += delay_s(failures)
            self.look()
        self.assertEqual(self.address.ids, ["one", "two", "two", "two", "two"])
        [row] = self.rows(webhooks)
        self.assertEqual((row.failures, row.next_try_at), (0, None))

    def test_given_up(self) -> None:
        self.hook()
        self.happen("one")
        self.sql(update(webhooks).values(failures=ENDED_AFTER - 1))
        self.address.answers = [500]
        self.look()
        [row] = self.rows(webhooks)
        self.assertEqual((row.ended_reason is None, row.next_try_at), (False, None))
        self.happen("two")
        self.look()
        self.assertEqual(self.address.ids, ["one"])

    def test_another_process_goes_on(self) -> None:
        """
        One at a time sends; what happened while nobody looked is sent by the next.
        """
        self.hook()
        self.look()
        other = self.new_sender()
        self.happen("one")
        self.look(other)
        self.assertEqual(self.address.ids, [])
        self.cloud.now += LEASE_S + 1
        self.look(other)
        self.assertEqual(self.address.ids, ["one"])

    def test_service(self) -> None:
        self.hook()
        self.sender.startService()
        self.happen("one")
        self.reactor.advance(EVERY_S)
        self.assertEqual(self.address.ids, ["one"])
        self.successResultOf(self.sender.stopService())
        self.happen("two")
        self.reactor.advance(EVERY_S)
        self.assertEqual(self.address.ids, ["one"])

    def test_the_service_ends_in_between(self) -> None:
        """
        It waits for one answer at most; another process sends the rest.
        """
        self.hook()
        for name in ("one", "two"):
            self.happen(name)
        slow: Deferred[int] = Deferred()
        self.address.answers = [slow, 200]
        self.sender.startService()
        ended = self.sender.stopService()
        self.assertNoResult(ended)
        slow.callback(200)
        self.successResultOf(ended)
        self.assertEqual(self.address.ids, ["one"])
        self.look(self.new_sender())
        self.assertEqual(self.address.ids, ["one", "two"])


class _Taker(Resource):
    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.got: list[bytes] = []

    def render_POST(self, request: Any) -> bytes:
        self.got.append(request.content.read())
        return b"x" * 200_000


class _Endless(Resource):
    """
    ended: its client has gone.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.ended: Deferred[None] = Deferred()

    def render_POST(self, request: Any) -> int:
        request.notifyFinish().addErrback(lambda _: self.ended.callback(None))
        request.write(b"x")
        return NOT_DONE_YET


class PosterTests(TestCase):
    """
    Over real connections.
    """

    def setUp(self) -> None:
        self.taker = _Taker()
        listen: Any = reactor
        port = listen.listenTCP(0, Site(self.taker), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port

    async def test_taken(self) -> None:
        post = poster(reactor, Allowed(("127.0.0.0/8",)))
        self.assertEqual(await post(f"http://127.0.0.1:{self.port}/", b"{}", {"a": "b"}), 200)
        self.assertEqual(self.taker.got, [b"{}"])

    async def test_an_answer_without_end(self) -> None:
        """
        Whoever never ends his answer keeps no connection of ours.
        """
        endless = _Endless()
        listen: Any = reactor
        port = listen.listenTCP(0, Site(endless), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        post = poster(reactor, Allowed(("127.0.0.0/8",)))
        status = await post(f"http://127.0.0.1:{port.getHost().port}/", b"{}", {})
        self.assertEqual(status, 200)
        await endless.ended.addTimeout(5, reactor)

    async def test_own_networks(self) -> None:
        """
        However the address is spelt, and when a name has one such address among others.
        """
        for host in ("127.0.0.1", "localhost", "2130706433"):
            with self.assertRaises((AddressRefused, OSError), msg=host):
                await poster(reactor, Allowed())(f"http://{host}:{self.port}/", b"{}", {})

        def both(_host: str, _port: int) -> Any:
            return succeed(["93.184.216.34", "127.0.0.1"])

        with self.assertRaises(AddressRefused):
            await poster(reactor, Allowed(), both)(f"http://x.org:{self.port}/", b"{}", {})
        self.assertEqual(self.taker.got, [])

    def test_addresses(self) -> None:
        for address in (
            "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
            "224.0.0.1", "255.255.255.255", "::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1",
            "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "fec0::1", "::127.0.0.1",
        ):  # fmt: skip
            self.assertFalse(Allowed().takes(address), address)
        for address in ("93.184.216.34", "2606:2800:220:1::1"):
            self.assertTrue(Allowed().takes(address), address)
