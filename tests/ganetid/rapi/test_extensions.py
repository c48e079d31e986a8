"""
What Ganeti's remote API has not: events, webhooks, metrics, pages, tags of answers.
"""

from __future__ import annotations

import gzip
import hmac
import json
from typing import Any

import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.ganetid.cluster import Client, ClusterTestCase, TrustAnything, create_body

NAMES = [f"snf-{number}" for number in range(5)]

# As Ganeti's exporter names them.
EXPORTED = (
    'ganeti_cluster_instance_count{cluster="cluster"} 5',
    'ganeti_cluster_node_count{cluster="cluster"} 1',
    'ganeti_cluster_offline_nodes{cluster="cluster"} 0',
    'ganeti_cluster_jobs{cluster="cluster",job_status="success"} 6',
    'ganeti_cluster_jobs{cluster="cluster",job_status="queued"} 0',
    'ganeti_node_pinst_cnt{cluster="cluster",node="node1"} 5',
    'ganeti_node_p_oper_vcpus{cluster="cluster",node="node1"} 1',
    'ganeti_instance_oper_ram{cluster="cluster",instance="snf-0"} 128',
    'ganeti_instance_oper_ram{cluster="cluster",instance="snf-1"} 0',
    'ganeti_instance_oper_vcpus{cluster="cluster",instance="snf-0"} 1',
    "# TYPE ganeti_node_mfree gauge",
)


class Hook(Resource):
    """Takes what is posted to it, after refusing it some times."""

    isLeaf = True

    def __init__(self, refuses: int) -> None:
        super().__init__()
        self.refuses = refuses
        self.taken: list[tuple[int, str, bytes]] = []

    def render_POST(self, request: Any) -> bytes:
        if self.refuses:
            self.refuses -= 1
            request.setResponseCode(503)
            return b"later"
        number = int(request.getHeader("x-ganeti-event"))
        said = request.getHeader("x-ganeti-signature")
        self.taken.append((number, said, request.content.read()))
        return b""


class ExtensionTests(ClusterTestCase):
    """The real remote API."""

    def run_test(self, test: Any) -> Deferred[None]:
        async def run() -> None:
            await test(await self.start())

        return Deferred.fromCoroutine(run())

    async def make(self, client: Client) -> None:
        """Instances, each with a tag of its own and one that all have."""
        for name in NAMES:
            body = create_body(name, tags=["all", name], start=False)
            job = await client.job("POST", "/2/instances", body)
            self.assertEqual(job["status"], "success", job)

    def test_pages(self) -> Deferred[None]:
        """A collection is read page by page, with some fields only, and by tag."""

        async def check(client: Client) -> None:
            await self.make(client)
            seen: list[str] = []
            after = ""
            while True:
                path = f"/2/instances?bulk=1&limit=2&fields=name,status{after}"
                status, rows, headers = await client.send("GET", path)
                self.assertEqual(status, 200)
                self.assertEqual({key for row in rows for key in row}, {"name", "status"})
                seen += [row["name"] for row in rows]
                found = headers.getRawHeaders("x-next-after")
                if found is None:
                    break
                after = f"&after={found[0]}"
            self.assertEqual(seen, NAMES)
            _, rows = await client.call("GET", "/2/instances?tag=all&tag=snf-3")
            self.assertEqual([row["id"] for row in rows], ["snf-3"])
            for wrong in ("limit=0", "limit=x", "bulk=1&fields=nonsense"):
                self.assertEqual((await client.call("GET", f"/2/instances?{wrong}"))[0], 400)

        return self.run_test(check)

    def test_kept_answers(self) -> Deferred[None]:
        """An answer is the same until something changes, and then it tells the change."""

        async def check(client: Client) -> None:
            await self.make(client)
            path = "/2/instances/snf-1"
            _, _, headers = await client.send("GET", path)
            tag = headers.getRawHeaders("etag")[0]
            answer = await treq.get(
                client._base + path, headers={"if-none-match": tag}, agent=client._agent,
                auth=client._auth,
            )  # fmt: skip
            self.assertEqual((answer.code, await answer.content()), (304, b""))
            await client.job("PUT", f"{path}/tags?tag=new")
            _, shown, headers = await client.send("GET", path)
            self.assertNotEqual(headers.getRawHeaders("etag")[0], tag)
            self.assertIn("new", shown["tags"])
            await client.job("PUT", f"{path}/startup")
            self.assertEqual((await client.call("GET", path))[1]["status"], "running")
            _, rows = await client.call("GET", "/2/instances?bulk=1")
            self.assertEqual(rows[1], (await client.call("GET", path))[1])
            job = await client.job("PUT", "/2/modify", {"beparams": {"vcpus": 7}})
            self.assertEqual(job["status"], "success", job)
            self.hypervisor.power_off("snf-1", by_guest=False)
            _, shown = await client.call("GET", path)
            self.assertEqual((shown["status"], shown["beparams"]["vcpus"]), ("ERROR_down", 1))

        return self.run_test(check)

    def test_compressed(self) -> Deferred[None]:
        """A long answer is compressed for who takes that."""

        async def check(client: Client) -> None:
            _, plain = await client.call("GET", "/2/info")
            answer = await Agent(reactor, TrustAnything()).request(
                b"GET", f"{client._base}/2/info".encode(), Headers({"accept-encoding": ["gzip"]})
            )
            self.assertEqual(answer.headers.getRawHeaders("content-encoding"), ["gzip"])
            body = await treq.content(answer)
            self.assertEqual(json.loads(gzip.decompress(body)), plain)

        return self.run_test(check)

    def test_metrics_and_description(self) -> Deferred[None]:
        """Numbers for Prometheus, and a description for generators of clients."""

        async def check(client: Client) -> None:
            await self.make(client)
            await client.job("PUT", "/2/instances/snf-0/startup")
            answer = await treq.get(client._base + "/metrics", agent=client._agent)
            text = await answer.text()
            self.assertIn('ganetid_instances{status="ADMIN_down"} 4', text)
            self.assertIn('ganetid_jobs_ended_total{status="success"} 6', text)
            self.assertIn('ganetid_node_instances{node="node1"} 5', text)
            self.assertRegex(text, r'_requests_total\{method="POST",path="/2/instances",st.*\} 5')
            self.assertRegex(text, r"ganetid_job_wait_seconds_count 6")
            for line in EXPORTED:
                self.assertIn(f"\n{line}\n", text)
            samples = [line for line in text.splitlines() if line[0] != "#"]
            self.assertEqual(len({line.rpartition(" ")[0] for line in samples}), len(samples))
            _, described = await client.call("GET", "/openapi.json")
            create = described["paths"]["/2/instances"]["post"]
            self.assertEqual(create["security"], [{"basic": []}, {"bearer": []}])
            schema = described["components"]["schemas"]["OP_INSTANCE_CREATE"]["properties"]
            self.assertEqual(schema["mode"], {"enum": ["create", "import", "remote-import"]})
            self.assertEqual(schema["start"], {"type": "boolean", "default": True})

        return self.run_test(check)

    def test_events(self) -> Deferred[None]:
        """Who follows hears in order; who was away takes it up where it was, without a gap."""

        async def check(client: Client) -> None:
            heard: list[tuple[int, dict[str, Any]]] = []
            stream = await self.follow(client, "", heard)
            await self.make(client)
            await self.until(lambda: self.created(heard) == NAMES)
            ids = [number for number, _ in heard]
            self.assertEqual(ids, sorted(set(ids)))
            stream.loseConnection()
            middle = ids[len(ids) // 2]
            again: list[tuple[int, dict[str, Any]]] = []
            stream = await self.follow(client, f"?after={middle}", again)
            await self.until(lambda: len(again) == len([each for each in ids if each > middle]))
            self.assertEqual(again, [each for each in heard if each[0] > middle])
            stream.loseConnection()
            client = await self.restart()
            replayed: list[tuple[int, dict[str, Any]]] = []
            stream = await self.follow(client, "?after=0&instance=snf-2", replayed)
            await self.until(lambda: self.created(replayed) == ["snf-2"])
            stream.loseConnection()
            nobody = Client(self.services[-1].rapi_port, user=None)
            self.assertEqual((await nobody.call("GET", "/2/events"))[0], 401)

        return self.run_test(check)

    def test_webhook(self) -> Deferred[None]:
        """What happens is posted and signed, in order, also to an address that was away."""

        async def check(client: Client) -> None:
            hook = Hook(refuses=1)
            port = reactor.listenTCP(0, Site(hook), interface="127.0.0.1")
            self.addCleanup(port.stopListening)
            url = f"http://127.0.0.1:{port.getHost().port}/"
            wish = {"url": url, "types": ["ganeti-op-status"]}
            status, made = await client.call("POST", "/2/webhooks", wish)
            self.assertEqual(status, 200, made)
            await client.job("POST", "/2/instances", create_body(NAMES[0], start=False))
            await self.until(lambda: "success" in self.statuses(hook))
            self.assertEqual(self.statuses(hook), ["queued", "waiting", "running", "success"])
            for number, said, body in hook.taken:
                signed = hmac.new(made["secret"].encode(), b"%d." % number + body, "sha256")
                self.assertEqual(said, f"sha256={signed.hexdigest()}")
            _, listed = await client.call("GET", "/2/webhooks")
            self.assertNotIn("secret", listed[0])
            self.assertEqual((await client.call("DELETE", f"/2/webhooks/{made['id']}"))[0], 200)
            self.assertEqual(await client.call("GET", "/2/webhooks"), (200, []))
            status, _ = await client.call("POST", "/2/webhooks", {"url": "file:///etc/passwd"})
            self.assertEqual(status, 400)

        return self.run_test(check)

    def statuses(self, hook: Hook) -> list[str]:
        return [json.loads(body)["status"] for _, _, body in hook.taken]

    def created(self, heard: list[tuple[int, dict[str, Any]]]) -> list[str]:
        return [
            body["instance"]
            for _, body in heard
            if (body["operation"], body["status"]) == ("OP_INSTANCE_CREATE", "success")
        ]

    async def follow(
        self, client: Client, query: str, heard: list[tuple[int, dict[str, Any]]]
    ) -> Any:
        """Put events into `heard`; the connection."""
        answer = await treq.get(
            f"{client._base}/2/events{query}", agent=client._agent, auth=client._auth,
            unbuffered=True,
        )  # fmt: skip
        self.assertEqual(answer.code, 200)
        reader = Reader(heard)
        answer.original.deliverBody(reader)
        return reader.transport

    async def until(self, holds: Any) -> None:
        for _ in range(300):
            if holds():
                return
            await deferLater(reactor, 0.02)
        raise AssertionError("it never came so far")


class Reader:
    """Takes a stream of events apart."""

    transport: Any = None

    def __init__(self, heard: list[tuple[int, dict[str, Any]]]) -> None:
        self._heard = heard
        self._rest = b""

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for block in whole:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
            if b"data" in fields:
                self._heard.append((int(fields[b"id"]), json.loads(fields[b"data"])))

    def connectionLost(self, reason: Any) -> None:
        pass
