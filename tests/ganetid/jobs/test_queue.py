"""
The job queue over the remote API: rates, priorities, dependencies, cancelling, logs, archive.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from ganetid.jobs.queue import Order
from ganetid.rapi import jobs as jobs_of_rapi
from tests.ganetid.cluster import NAME, Client, ClusterTestCase, create_body

TAG = "OP_TAGS_SET"


def tag(word: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return TAG, {"kind": "cluster", "tags": [word], **more}


class QueueTests(ClusterTestCase):
    """What becomes of jobs."""

    @property
    def queue(self) -> Any:
        return self.services[-1].master._queue

    async def statuses(self, client: Client, *jobs: int) -> list[str]:
        return [(await client.call("GET", f"/2/jobs/{job}"))[1]["status"] for job in jobs]

    async def hold(self, client: Client) -> int:
        """A job that runs until `self.hypervisor.held` fires."""
        self.hypervisor.held = Deferred()
        job = await client.submit("POST", "/2/instances", create_body())
        while (await self.statuses(client, job)) != ["running"]:
            await deferLater(reactor, 0.01)
        return job

    def test_rate_limit(self) -> Deferred[None]:
        """Of jobs with a reason rate-limit:1:x one runs; the next when it has ended."""

        async def check() -> None:
            client = await self.start()
            self.hypervisor.held = Deferred()
            path = "/2/instances?reason=rate-limit:1:x"
            jobs = [
                await client.submit("POST", path, create_body(f"i{number}")) for number in range(3)
            ]
            free = await client.submit("POST", "/2/instances", create_body("free"))
            await deferLater(reactor, 0.3)
            self.assertEqual(
                await self.statuses(client, *jobs, free), ["running", "queued", "queued", "running"]
            )
            self.hypervisor.held.callback(None)
            for job in jobs:
                self.assertEqual((await client.ended(job))["status"], "success")

        return Deferred.fromCoroutine(check())

    def test_priority(self) -> Deferred[None]:
        """Of jobs that wait for one lock the most urgent runs first; priorities can be changed."""

        async def check() -> None:
            client = await self.start()
            await self.hold(client)
            path = f"/2/instances/{NAME}/shutdown"
            low, normal, high = [
                await client.submit("PUT", path, {"priority": each}) for each in (10, 0, -10)
            ]
            self.assertEqual(await self.statuses(client, low, high), ["waiting", "waiting"])
            moved = await client.call("PUT", f"/2/jobs/{low}/priority", -20)
            self.assertEqual(moved[1][0], True)
            self.hypervisor.held.callback(None)
            ended = {each: (await client.ended(each))["end_ts"] for each in (low, normal, high)}
            self.assertEqual(sorted(ended, key=ended.__getitem__), [low, high, normal])
            _, answer = await client.call("PUT", f"/2/jobs/{low}/priority", 0)
            self.assertEqual(answer, [False, f"Job {low} is not waiting"])

        return Deferred.fromCoroutine(check())

    def test_many(self) -> Deferred[None]:
        """Jobs submitted together count back to one another; a wrong one hinders no other."""

        async def check() -> None:
            client = await self.start()
            answers = await self.queue.submit_many(
                [
                    Order((tag("a"), tag("b"))),
                    Order((tag("c", depends=[[-1, ["error"]]]),)),
                    Order((("OP_NONSENSE", {}),)),
                    Order((tag("d", depends=[[-2, []]]),)),
                ]
            )
            self.assertEqual([answer for answer, _ in answers], [True, True, False, True])
            first, second, _, fourth = [number for _, number in answers]
            self.assertEqual((second, fourth), (first + 1, first + 3))
            self.assertEqual((await client.ended(first))["summary"], ["TAGS_SET", "TAGS_SET"])
            job = await client.ended(second)
            self.assertEqual(job["ops"][0]["depends"], [[first, ["error"]]])
            self.assertIn("not one of 'error' as required", job["opresult"][0][1][0])
            self.assertEqual((await client.ended(fourth))["status"], "success")
            job = await client.job("PUT", f"/2/instances/{NAME}/shutdown", {"depends": [[-1, []]]})
            self.assertEqual(job["ops"][0]["depends"], [[job["id"] - 1, []]])

        return Deferred.fromCoroutine(check())

    def test_first_failure_ends_it(self) -> Deferred[None]:
        """Opcodes after one that failed are not done, and say so."""

        async def check() -> None:
            client = await self.start()
            wrong = ("OP_TAGS_DEL", {"kind": "cluster", "tags": ["absent"]})
            job = await client.ended(await self.queue.submit(Order((tag("a"), wrong, tag("b")))))
            self.assertEqual(job["opstatus"], ["success", "error", "error"])
            self.assertEqual(job["opresult"][2], ["OpExecError", ["Preceding opcode failed"]])

        return Deferred.fromCoroutine(check())

    def test_canceled_with_what_it_depended_on(self) -> Deferred[None]:
        """A job whose dependency was cancelled is cancelled too, in Ganeti's words."""

        async def check() -> None:
            client = await self.start()
            await self.hold(client)
            path = f"/2/instances/{NAME}/shutdown"
            first = await client.submit("PUT", path)
            second = await client.submit("PUT", path, {"depends": [[first, []]]})
            await client.call("DELETE", f"/2/jobs/{first}")
            job = await client.ended(second)
            self.assertEqual(
                (job["status"], job["opresult"]), ("canceled", ["Job canceled by request"])
            )
            self.hypervisor.held.callback(None)

        return Deferred.fromCoroutine(check())

    def test_cancel_running(self) -> Deferred[None]:
        """A running job can't be cancelled; if asked to, it stops before its next opcode."""

        async def check() -> None:
            client = await self.start()
            self.hypervisor.held = Deferred()
            body = create_body()
            del body["__version__"]
            job = await self.queue.submit(Order((("OP_INSTANCE_CREATE", body), tag("never"))))
            while await self.statuses(client, job) != ["running"]:
                await deferLater(reactor, 0.01)
            _, answer = await client.call("DELETE", f"/2/jobs/{job}")
            words = "Job no longer waiting, can't cancel (informed it anyway)"
            self.assertEqual(answer, [False, words])
            _, answer = await client.call("DELETE", f"/2/jobs/{job}?running=1")
            self.assertEqual(answer, [True, f"Job {job} will be canceled"])
            self.hypervisor.held.callback(None)
            self.assertEqual((await client.ended(job))["opstatus"], ["success", "canceled"])
            self.assertEqual(await client.call("GET", "/2/tags"), (200, []))

        return Deferred.fromCoroutine(check())

    def test_wait(self) -> Deferred[None]:
        """News come at once, each log entry once; without any the answer is null; who may read may
        not wait."""

        async def check() -> None:
            self.patch(jobs_of_rapi, "WAIT_S", 0.3)
            client = await self.start()
            job = await self.hold(client)
            path = f"/2/jobs/{job}/wait"
            body = {"fields": ["status"], "previous_job_info": None, "previous_log_serial": None}
            news: dict[str, Any] = {"log_entries": []}
            while not any("starting" in entry[3] for entry in news["log_entries"]):
                _, news = await client.call("GET", path, body)
            self.assertEqual(news["job_info"], ["running"])
            serials = [entry[0] for entry in news["log_entries"]]
            self.assertEqual(serials, list(range(1, len(serials) + 1)))
            self.assertTrue(all(entry[2] == "message" for entry in news["log_entries"]))
            body |= {"previous_job_info": ["running"], "previous_log_serial": serials[-1]}
            self.assertEqual(await client.call("GET", path, body), (200, None))
            waiting = Deferred.fromCoroutine(client.call("GET", path, body))
            self.hypervisor.held.callback(None)
            _, news = await waiting
            self.assertEqual(news["job_info"], ["success"])
            reader = Client(self.services[-1].rapi_port, "reader")
            self.assertEqual((await reader.call("GET", path, body))[0], 403)

        return Deferred.fromCoroutine(check())

    def test_statuses(self) -> Deferred[None]:
        """A job of two opcodes goes through Ganeti's statuses; in between it shows as queued."""

        async def check() -> None:
            client = await self.start()
            seen: list[tuple[str, ...]] = []

            def see(job: Any) -> None:
                seen.append((job.status, *(op.status for op in job.ops)))

            self.queue.watchers.listen(see)
            await client.ended(await self.queue.submit(Order((tag("a"), tag("b")))))
            self.assertEqual(
                list(dict.fromkeys(seen)),
                [
                    ("running", "running", "queued"),
                    ("queued", "success", "queued"),
                    ("running", "success", "running"),
                    ("success", "success", "success"),
                ],
            )

        return Deferred.fromCoroutine(check())

    def test_limits(self) -> Deferred[None]:
        """max_running_jobs counts at once; a queue that is drained or full answers 503."""

        async def check() -> None:
            client = await self.start()
            from attrs import evolve

            cluster = self.services[-1].master.cluster
            facts = cluster.facts
            cluster.facts = evolve(facts, params={**facts.params, "max_running_jobs": 1})
            await self.hold(client)
            other = await client.submit("PUT", "/2/tags?tag=x")
            await deferLater(reactor, 0.2)
            self.assertEqual(await self.statuses(client, other), ["queued"])
            for params in ({"queue_drained": True}, {"max_queued_jobs": 2}):
                cluster.facts = evolve(facts, params={**facts.params, **params})
                self.assertEqual((await client.call("PUT", "/2/tags?tag=y"))[0], 503)
            self.hypervisor.held.callback(None)
            self.assertEqual((await client.ended(other))["status"], "success")

        return Deferred.fromCoroutine(check())

    def test_drained(self) -> Deferred[None]:
        """A drained queue takes no job, also after a restart, until it is told to again."""

        async def check() -> None:
            client = await self.start()
            self.assertEqual(await client.call("PUT", "/2/jobs/drained", True), (200, True))
            client = await self.restart()
            self.assertEqual(await client.call("GET", "/2/jobs/drained"), (200, True))
            status, body = await client.call("PUT", "/2/tags?tag=x")
            self.assertEqual((status, body["message"]), (503, "Job queue is drained, refusing job"))
            self.assertEqual(await client.call("PUT", "/2/jobs/drained", False), (200, False))
            self.assertEqual((await client.job("PUT", "/2/tags?tag=x"))["status"], "success")
            self.assertEqual((await client.call("PUT", "/2/jobs/drained", "x"))[0], 400)

        return Deferred.fromCoroutine(check())

    def test_locks(self) -> Deferred[None]:
        """Who holds a lock and who waits for it can be asked for, as of Ganeti."""

        async def check() -> None:
            client = await self.start()
            job = await self.hold(client)
            other = await client.submit("PUT", f"/2/instances/{NAME}/shutdown")
            _, answer = await client.call("GET", "/2/query/lock?fields=name,mode,owner,pending")
            rows = {row[0][1]: [cell[1] for cell in row[1:]] for row in answer["data"]}
            self.assertEqual(
                rows[f"instance/{NAME}"],
                ["exclusive", [str(job)], [["exclusive", [str(other)]]]],
            )
            self.hypervisor.held.callback(None)
            await client.ended(other)
            _, answer = await client.call("GET", "/2/query/lock?fields=name")
            self.assertEqual(answer["data"], [])

        return Deferred.fromCoroutine(check())

    def test_log_survives(self) -> Deferred[None]:
        """A running job's log is on disk within a second."""

        async def check() -> None:
            client = await self.start()
            job = await self.hold(client)
            stored = b""
            for _ in range(40):
                stored = self.document(job)
                if b"starting instance" in stored:
                    break
                await deferLater(reactor, 0.05)
            self.assertIn(b"starting instance", stored)
            self.hypervisor.held.callback(None)
            await client.ended(job)

        return Deferred.fromCoroutine(check())

    def document(self, job: int) -> bytes:
        database = sqlite3.connect(self.directory / "g" / "cluster.db")
        try:
            query = "SELECT document FROM jobs WHERE id = ?"
            return bytes(database.execute(query, (job,)).fetchone()[0])
        finally:
            database.close()

    def test_archive(self) -> Deferred[None]:
        """An archived job is in no list and can still be looked at; dependents know its end."""

        async def check() -> None:
            client = await self.start()
            jobs = [(await client.job("PUT", f"/2/tags?tag=x{n}"))["id"] for n in range(3)]
            self.assertEqual(await client.call("PUT", f"/2/jobs/{jobs[0]}/archive"), (200, True))
            self.assertEqual(await client.call("PUT", f"/2/jobs/{jobs[0]}/archive"), (200, False))
            _, listed = await client.call("GET", "/2/jobs")
            self.assertEqual([each["id"] for each in listed], jobs[1:])
            _, job = await client.call("GET", f"/2/jobs/{jobs[0]}?fields=status,archived,caller")
            self.assertEqual((job["status"], job["archived"]), ("success", True))
            self.assertEqual(job["caller"], "admin from 127.0.0.1")
            status, count = await client.call("PUT", "/2/jobs/archive", {"age": 0})
            self.assertEqual((status, count), (200, 2))
            self.assertEqual(await client.call("GET", "/2/jobs?bulk=1"), (200, []))
            body = {"depends": [[jobs[0], ["success"]]]}
            job = await client.job("PUT", f"/2/instances/{NAME}/shutdown", body)
            self.assertEqual(job["opresult"][0][0], "OpPrereqError")

        return Deferred.fromCoroutine(check())

    def test_pages(self) -> Deferred[None]:
        """The list of jobs by pages, by status, and with chosen fields."""

        async def check() -> None:
            client = await self.start()
            await client.job("PUT", "/2/tags?tag=a")
            await client.job("DELETE", "/2/tags?tag=absent")
            job = await self.hold(client)
            for query, ids in (
                ("limit=2", [1, 2]), ("after=1", [2, job]), ("after=1&limit=1", [2]),
                ("status=running", [job]), ("status=error,success", [1, 2]),
            ):  # fmt: skip
                for bulk in ("", "&bulk=1"):
                    _, listed = await client.call("GET", f"/2/jobs?{query}{bulk}")
                    self.assertEqual([each["id"] for each in listed], ids, query)
            _, listed = await client.call("GET", "/2/jobs?fields=id,status&limit=1")
            self.assertEqual(listed, [{"id": 1, "status": "success"}])
            for wrong in ("limit=0", "limit=x", "status=nonsense", "after=x"):
                self.assertEqual((await client.call("GET", f"/2/jobs?{wrong}"))[0], 400)
            self.hypervisor.held.callback(None)
            await client.ended(job)

        return Deferred.fromCoroutine(check())
