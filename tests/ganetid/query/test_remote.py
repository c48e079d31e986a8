"""
/2/query and /2/filters over the remote API.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import NAME, Client, ClusterTestCase, create_body


class QueryTests(ClusterTestCase):
    """What a client asks and gets."""

    def test_instances_and_nodes(self) -> Deferred[None]:
        """Rows of what there is; a filter picks; spaces in names of fields do not count."""

        async def check() -> None:
            client = await self.start()
            await client.job("POST", "/2/instances", create_body())
            _, answer = await client.call(
                "GET", "/2/query/instance?fields=name,%20status,pnode.group,be/maxmem,console,x"
            )
            (row,) = answer["data"]
            self.assertEqual(row[:4], [[0, NAME], [0, "running"], [0, "default"], [0, 128]])
            self.assertEqual((row[4][1]["instance"], row[5]), (NAME, [1, None]))
            for condition, count in ((["=", "name", "absent"], 0), (["?", "admin_up"], 1)):
                body = {"fields": ["name"], "qfilter": condition}
                _, answer = await client.call("PUT", "/2/query/instance", body)
                self.assertEqual(len(answer["data"]), count)
            for resource in ("node", "group", "network", "job", "export", "lock", "filter"):
                status, fields = await client.call("GET", f"/2/query/{resource}/fields")
                names = ",".join(field["name"] for field in fields["fields"])
                status, answer = await client.call("GET", f"/2/query/{resource}?fields={names}")
                self.assertEqual((status, answer["fields"]), (200, fields["fields"]), resource)

        return Deferred.fromCoroutine(check())

    def test_refusals(self) -> Deferred[None]:
        """What can't be asked is told so; as Ganeti does when the operator wants that."""

        async def check() -> None:
            for strict, statuses in ((False, (404, 400, 400)), (True, (502, 502, 500))):
                client = await (self.restart if strict else self.start)(strict_compat=strict)
                asked: list[tuple[str, Any]] = [
                    ("/2/query/nonsense", {"fields": ["name"]}),
                    ("/2/query/node", {"fields": ["name"], "qfilter": ["nope", "name", "x"]}),
                    ("/2/query/node", {"fields": ["name"], "qfilter": ["=", "bogus", "x"]}),
                ]
                for (path, body), status in zip(asked, statuses, strict=True):
                    self.assertEqual((await client.call("PUT", path, body))[0], status)
                waited = await client.call("GET", "/2/jobs/99/wait", {"fields": ["status"]})
                self.assertEqual(waited[0], 500 if strict else 404)
                status, body = await client.call("GET", "/2/query/node")
                self.assertEqual(
                    (status, body["message"]), (400, "Missing &#x27;fields&#x27; query argument")
                )
                self.assertEqual(
                    (await client.call("GET", "/2/jobs/99"))[0], 200 if strict else 404
                )

        return Deferred.fromCoroutine(check())


class FilterTests(ClusterTestCase):
    """The rules of the job queue."""

    async def rule(self, client: Client, action: Any, **more: Any) -> str:
        predicates = [["opcode", ["=", "OP_ID", "OP_TAGS_SET"]]]
        status, uuid = await client.call(
            "POST", "/2/filters", {"action": action, "predicates": predicates, **more}
        )
        self.assertEqual(status, 200, uuid)
        return str(uuid)

    def test_life(self) -> Deferred[None]:
        """Rules are made, shown, replaced, removed, and are there after a restart."""

        async def check() -> None:
            client = await self.start()
            await client.job("PUT", "/2/tags?tag=x")
            uuid = await self.rule(client, "CONTINUE", priority=5, reason=[["a", "b", 1]])
            client = await self.restart()
            _, shown = await client.call("GET", f"/2/filters/{uuid}")
            self.assertEqual((shown["watermark"], shown["priority"]), (1, 5))
            self.assertEqual(shown["predicates"], [["opcode", ["==", "OP_ID", "OP_TAGS_SET"]]])
            self.assertEqual(shown["reason_trail"][0], ["a", "b", 1])
            self.assertEqual(shown["reason_trail"][1][:2], ["luxid", ""])
            self.assertEqual(await client.call("PUT", f"/2/filters/{uuid}", {}), (200, uuid))
            _, bulk = await client.call("GET", "/2/filters?bulk=1")
            self.assertEqual((bulk[0]["priority"], bulk[0]["predicates"]), (0, []))
            self.assertEqual(await client.call("DELETE", f"/2/filters/{uuid}"), (200, None))
            self.assertEqual(await client.call("GET", "/2/filters"), (200, []))
            for method in ("GET", "DELETE"):
                self.assertEqual((await client.call(method, f"/2/filters/{uuid}"))[0], 404)

        return Deferred.fromCoroutine(check())

    def test_refused(self) -> Deferred[None]:
        """A rule that is none is refused, with Ganeti's words in it."""

        async def check() -> None:
            client = await self.start()
            for body, words in (
                ([], "Invalid body contents, not a dictionary"),
                ({"nonsense": 1}, "doesn&#x27;t support the parameter &#x27;nonsense&#x27;"),
                ({"priority": "x"}, "Type is &#x27;str&#x27;, but &#x27;int&#x27; is expected"),
                ({"priority": -1}, "Invalid value for non-negative type"),
                ({"action": "NOPE"}, "malformed FilterAction JSON"),
                ({"action": ["RATE_LIMIT", 0]}, "must be a positive integer"),
                ({"predicates": [["nope", ["=", "id", 1]]]}, "bad parameter list"),
                ({"predicates": [["jobid", "x"]]}, "expected array [string, args]"),
                ({"reason": [["a", "b", "c"]]}, "Unable to read Integer"),
            ):
                status, answer = await client.call("POST", "/2/filters", body)
                self.assertEqual(status, 400, body)
                self.assertIn(words, answer["message"])

        return Deferred.fromCoroutine(check())

    def test_pause_and_reject(self) -> Deferred[None]:
        """A paused job stays queued until the rule goes; a rejected one is cancelled."""

        async def check() -> None:
            client = await self.start()
            uuid = await self.rule(client, "PAUSE")
            paused = await client.submit("PUT", "/2/tags?tag=x")
            other = await client.job("DELETE", "/2/tags?tag=y")
            self.assertEqual(other["status"], "error")
            _, job = await client.call("GET", f"/2/jobs/{paused}")
            self.assertEqual(job["status"], "queued")
            await client.call("DELETE", f"/2/filters/{uuid}")
            self.assertEqual((await client.ended(paused))["status"], "success")
            await self.rule(client, "REJECT")
            job = await client.job("PUT", "/2/tags?tag=x")
            self.assertEqual((job["status"], job["opresult"]), ("canceled", [None]))

        return Deferred.fromCoroutine(check())

    def test_watermark(self) -> Deferred[None]:
        """A rule may be about jobs newer than itself."""

        async def check() -> None:
            client = await self.start()
            predicates = [["jobid", [">", "id", "watermark"]]]
            body = {"action": "REJECT", "predicates": predicates}
            first = await client.job("PUT", "/2/tags?tag=x")
            await client.call("POST", "/2/filters", body)
            second = await client.job("PUT", "/2/tags?tag=x")
            self.assertEqual((first["status"], second["status"]), ("success", "canceled"))

        return Deferred.fromCoroutine(check())
