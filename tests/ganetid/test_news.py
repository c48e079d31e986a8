"""
News of jobs and guests: what is told, in which order, and that nothing is lost.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.ganetid.cluster import NAME, NETWORK, ClusterTestCase, create_body


class NewsTests(ClusterTestCase):
    """What reaches the event bus."""

    def test_of_a_create(self) -> Deferred[None]:
        """Each status is told once, at strictly increasing times, and success with the hardware."""

        async def check() -> None:
            client = await self.start()
            await self.connect_network(client)
            self.listener.heard.clear()
            nic = {"name": "nic1", "network": NETWORK, "ip": "10.7.0.9", "mac": "fa:16:3e:00:00:01"}
            path = "/2/instances?reason=synnefo-effect:e1"
            job = await client.submit("POST", path, create_body(nics=[nic]))
            await self.heard(4)
            news = [body for key, body in self.listener.heard if key == "ganeti.snf.event.op"]
            self.assertEqual(
                [each["status"] for each in news], ["queued", "waiting", "running", "success"]
            )
            times = [tuple(each["event_time"]) for each in news]
            self.assertEqual(times, sorted(set(times)))
            last = news[-1]
            self.assertEqual(
                (last["type"], last["operation"], last["instance"], last["jobId"], last["tags"]),
                ("ganeti-op-status", "OP_INSTANCE_CREATE", NAME, job, ["a-tag"]),
            )
            self.assertEqual(last["instance_nics"][0]["mac"], "fa:16:3e:00:00:01")
            self.assertEqual(last["instance_nics"][0]["link"], "gtbr1")
            self.assertEqual(last["instance_disks"][0]["size"], 64)
            self.assertEqual(last["job_fields"]["beparams"], {"vcpus": 1, "memory": 128})
            self.assertEqual(last["result"], ["node1"])
            self.assertEqual({each["effect"] for each in news}, {"e1"})
            self.assertEqual((last["pnode"], last["job_status"]), ("node1", "success"))

        return Deferred.fromCoroutine(check())

    def test_of_a_network(self) -> Deferred[None]:
        """Network jobs are told under their own key and type."""

        async def check() -> None:
            client = await self.start()
            await self.connect_network(client)
            await self.heard(8)
            keys = {key for key, _ in self.listener.heard}
            self.assertEqual(keys, {"ganeti.snf.event.network"})
            _, last = self.listener.heard[-1]
            self.assertEqual(
                (last["type"], last["network"], last["operation"], last["status"]),
                ("ganeti-network-status", NETWORK, "OP_NETWORK_CONNECT", "success"),
            )
            self.assertEqual(last["job_fields"]["group_name"], "default")

        return Deferred.fromCoroutine(check())

    def test_of_groups_and_routers(self) -> Deferred[None]:
        """Jobs of security groups and routers are told beside networks', also those that fail."""

        async def check() -> None:
            client = await self.start()
            for path, body, kind, status in (
                ("/2/security-groups", {"name": "snf-sg-1"}, "security_group", "success"),
                ("/2/routers", {"name": "snf-r-1", "group_name": "none"}, "router", "error"),
            ):
                self.listener.heard.clear()
                job = await client.job("POST", f"{path}?reason=synnefo-effect:{kind}", body)
                self.assertEqual(job["status"], status, job)
                await self.heard(4)
                keys = {key for key, _ in self.listener.heard}
                self.assertEqual(keys, {"ganeti.snf.event.network"})
                last = self.listener.heard[-1][1]
                word = kind.replace("_", "-")
                self.assertEqual(last["type"], f"ganeti-{word}-status")
                told = [last[each] for each in (kind, "status", "effect", "jobId")]
                self.assertEqual(told, [body["name"], status, kind, job["id"]])

        return Deferred.fromCoroutine(check())

    def test_bus_away(self) -> Deferred[None]:
        """While the bus refuses nothing is lost or overtaken, and jobs go on."""

        async def check() -> None:
            client = await self.start()
            self.listener.refuses = 3
            job = await client.job("POST", "/2/instances", create_body())
            self.assertEqual(job["status"], "success")
            await self.heard(4)
            self.assertEqual(
                self.listener.statuses("OP_INSTANCE_CREATE"),
                ["queued", "waiting", "running", "success"],
            )

        return Deferred.fromCoroutine(check())

    def test_bus_away_over_a_restart(self) -> Deferred[None]:
        """What the bus has not taken is told by the next life, in order."""

        async def check() -> None:
            client = await self.start()
            self.listener.refuses = 10**6
            await client.job("POST", "/2/instances", create_body())
            await self.services[-1].stopService()
            self.assertEqual(self.listener.heard, [])
            self.listener.refuses = 0
            await self.start()
            await self.heard(4)
            self.assertEqual(
                self.listener.statuses("OP_INSTANCE_CREATE"),
                ["queued", "waiting", "running", "success"],
            )

        return Deferred.fromCoroutine(check())

    def told_by_the_watcher(self) -> list[dict[str, Any]]:
        return [news for _, news in self.listener.heard if news.get("source") == "watcher"]

    def test_guest_powers_itself_off(self) -> Deferred[None]:
        """It is told as a shutdown without a job, and shows as its user's wish."""

        async def check() -> None:
            client = await self.start()
            await client.job("POST", "/2/instances", create_body())
            self.hypervisor.power_off(NAME)
            await self.heard(5)
            (news,) = self.told_by_the_watcher()
            self.assertEqual(
                (news["operation"], news["status"], news["jobId"], news["instance"]),
                ("OP_INSTANCE_SHUTDOWN", "success", 0, NAME),
            )
            self.assertGreater(news["event_time"], self.listener.heard[-2][1]["event_time"])
            _, shown = await client.call("GET", f"/2/instances/{NAME}")
            self.assertEqual((shown["status"], shown["admin_state"]), ("USER_down", "down"))

        return Deferred.fromCoroutine(check())

    def test_guest_dies(self) -> Deferred[None]:
        """It is told, and shows as an error, for it should run."""

        async def check() -> None:
            client = await self.start()
            await client.job("POST", "/2/instances", create_body())
            self.hypervisor.power_off(NAME, by_guest=False)
            await self.heard(5)
            self.assertEqual(len(self.told_by_the_watcher()), 1)
            _, shown = await client.call("GET", f"/2/instances/{NAME}")
            self.assertEqual(shown["status"], "ERROR_down")

        return Deferred.fromCoroutine(check())

    def test_guest_dies_while_we_are_away(self) -> Deferred[None]:
        """It is told by the next life, once."""

        async def check() -> None:
            client = await self.start()
            await client.job("POST", "/2/instances", create_body())
            await self.services[-1].stopService()
            self.world.clear()
            client = await self.start()
            await self.heard(5)
            await deferLater(reactor, 0.1)
            self.assertEqual(len(self.told_by_the_watcher()), 1)

        return Deferred.fromCoroutine(check())

    def test_asked_for(self) -> Deferred[None]:
        """A shutdown that a job does is told by the job alone."""

        async def check() -> None:
            client = await self.start()
            await client.job("POST", "/2/instances", create_body())
            await client.job("PUT", f"/2/instances/{NAME}/shutdown", {"timeout": 0})
            await self.heard(8)
            await deferLater(reactor, 0.1)
            self.assertEqual(self.told_by_the_watcher(), [])

        return Deferred.fromCoroutine(check())
