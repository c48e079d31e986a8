"""
The remote API over real HTTPS, on a cluster whose guests are fake.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import NAME, NETWORK, Client, ClusterTestCase, create_body

ERROR_KEYS = {"code", "message", "explain"}


class RemoteApiTests(ClusterTestCase):
    """What a client sees."""

    def run_test(self, test: Any) -> Deferred[None]:
        async def run() -> None:
            await test(await self.start())

        return Deferred.fromCoroutine(run())

    def test_who_may(self) -> Deferred[None]:
        """401 without or with wrong credentials, 403 without the right, also before existence."""

        async def check(client: Client) -> None:
            port = self.services[-1].rapi_port
            nobody = Client(port, user=None)
            reader, wrong = Client(port, "reader"), Client(port, "admin", "guess")
            self.assertEqual(await nobody.call("GET", "/version"), (200, 2))
            status, body, headers = await nobody.send("PUT", f"/2/instances/{NAME}/startup")
            self.assertEqual((status, body["message"]), (401, "Unauthorized"))
            self.assertEqual(
                headers.getRawHeaders("www-authenticate"), ['Basic realm="Ganeti Remote API"']
            )
            self.assertEqual((await wrong.call("GET", "/2/instances"))[0], 401)
            self.assertEqual((await reader.call("GET", "/2/instances"))[0], 200)
            self.assertEqual((await reader.call("POST", "/2/instances", create_body()))[0], 403)
            self.assertEqual((await reader.call("DELETE", "/2/instances/absent"))[0], 403)
            self.assertEqual((await nobody.call("GET", "/2/instances/absent/console"))[0], 401)

        return self.run_test(check)

    def test_wrong_requests(self) -> Deferred[None]:
        """Each kind of wrong request has Ganeti's status and its error body."""

        async def check(client: Client) -> None:
            json_type = {"content-type": "application/json"}
            cases: list[tuple[int, str, tuple[Any, ...]]] = [
                (404, "Not Found", ("GET", "/3", b"")),
                (404, "Not Found", ("GET", "/2/jobs/abc", b"")),
                (404, "Not Found", ("GET", "/2/jobs/4711", b"")),
                (404, "Not Found", ("GET", "/2/instances/absent", b"")),
                (501, "Method DELETE is unsupported for path /2/info", ("DELETE", "/2/info", b"")),
                (415, "Unsupported Media Type", ("POST", "/2/instances", b"{}", {})),
                (400, "Unable to parse JSON data", ("POST", "/2/instances", b"{", json_type)),
                (400, "Invalid value for the &#x27;bulk&#x27; parameter",
                 ("GET", "/2/instances?bulk=yes", b"")),
                (400, "Body contents: Type is &#x27;list&#x27;, but &#x27;dict&#x27; is expected",
                 ("POST", "/2/networks", b"[]", json_type)),
                (400, "Required parameter &#x27;fields&#x27; is missing",
                 ("GET", "/2/jobs/1/wait", b"{}", json_type)),
            ]  # fmt: skip
            for status, message, request in cases:
                answered, body, _ = await client.send(*request)
                self.assertEqual((answered, body["message"]), (status, message), request)
                self.assertEqual((body["code"], set(body)), (status, ERROR_KEYS))

        return self.run_test(check)

    def test_too_long(self) -> Deferred[None]:
        """A body of over 10 MiB is refused with 413."""

        async def check(client: Client) -> None:
            status, body, _ = await client.send("POST", "/2/instances", b" " * (10 * 1024**2 + 1))
            self.assertEqual((status, body["code"]), (413, 413))

        return self.run_test(check)

    def test_create_refused_at_once(self) -> Deferred[None]:
        """What Ganeti checks before it makes a job is a 400 in its words, and makes no job."""

        async def check(client: Client) -> None:
            cases: list[tuple[dict[str, Any], str]] = [
                ({"__version__": 0}, "Instance creation request version 0 is no longer supported"),
                ({"__version__": 7}, "Unsupported request data version 7"),
                ({"nonsense": 1}, ("Invalid body parameters: Object OpInstanceCreate doesn&#x27;t"
                                  " support the parameter &#x27;nonsense&#x27;")),
                ({"disks": 3}, ("Invalid body parameters: (&quot;Parameter"
                               " &#x27;OP_INSTANCE_CREATE.disks&#x27; fails validation&quot;,"
                               " &#x27;wrong_input&#x27;)")),
                ({"dry_run": True}, "Can&#x27;t overwrite static parameters {&#x27;dry_run&#x27;}"),
                ({"os": "x"}, ("Parameter &#x27;os&#x27; was renamed to"
                              " &#x27;os_type&#x27;, but both are specified")),
            ]  # fmt: skip
            for change, message in cases:
                status, body = await client.call("POST", "/2/instances", create_body(**change))
                self.assertEqual((status, body), (400, body), change)
                self.assertEqual(body["message"], message)
            self.assertEqual(await client.call("GET", "/2/jobs"), (200, []))

        return self.run_test(check)

    def test_life_of_an_instance(self) -> Deferred[None]:
        """Create, look, stop, start, reboot, tag, remove: each job succeeds and shows."""

        async def check(client: Client) -> None:
            path = f"/2/instances/{NAME}"
            await self.connect_network(client)
            nic = {"name": "nic1", "network": NETWORK, "ip": "10.7.0.9", "mac": "FA:16:3e:00:00:01"}
            job = await client.job("POST", "/2/instances", create_body(nics=[nic]))
            self.assertEqual((job["status"], job["opresult"]), ("success", [["node1"]]))
            self.assertEqual(job["summary"], [f"INSTANCE_CREATE({NAME})"])
            _, shown = await client.call("GET", path)
            self.assertEqual((shown["status"], shown["oper_state"]), ("running", True))
            self.assertEqual(shown["nic.macs"], ["fa:16:3e:00:00:01"])
            self.assertEqual(shown["beparams"]["memory"], 128)
            self.assertEqual(self.blocks.volumes[f"vol-{NAME}"].size_bytes, 64 * 1024**2)
            guest = self.world[NAME]
            self.assertEqual((guest.memory_mib, guest.drives[0].export), (128, f"vol-{NAME}"))
            self.assertIsNotNone(guest.config_drive)

            job = await client.job("PUT", f"{path}/shutdown", {"timeout": 5})
            self.assertEqual(job["status"], "success", job)
            self.assertEqual((await client.call("GET", path))[1]["status"], "ADMIN_down")
            self.assertEqual((await client.call("GET", f"{path}/console"))[0], 503)
            for verb, action in (("PUT", "startup"), ("POST", "reboot?type=soft")):
                job = await client.job(verb, f"{path}/{action}")
                self.assertEqual(job["status"], "success", job)
            await client.job("PUT", f"{path}/tags?tag=b&tag=c")
            await client.job("DELETE", f"{path}/tags?tag=b")
            self.assertEqual(await client.call("GET", f"{path}/tags"), (200, ["a-tag", "c"]))
            info = await client.job("GET", f"{path}/info")
            self.assertEqual(info["opresult"][0][NAME]["run_state"], "up")

            job = await client.job("DELETE", path, {"shutdown_timeout": 0})
            self.assertEqual(job["status"], "success", job)
            self.assertEqual((await client.call("GET", path))[0], 404)
            self.assertEqual(list(self.blocks.volumes), ["image"])
            self.assertEqual(self.world, {})
            self.assertEqual(list((self.directory / "g" / "instances").iterdir()), [])

        return self.run_test(check)

    def test_failed_create_leaves_nothing(self) -> Deferred[None]:
        """When the guest does not start, all it had goes; a retry under that name starts clean."""

        async def check(client: Client) -> None:
            body = create_body("snf-unstartable")
            for _ in range(2):
                job = await client.job("POST", "/2/instances", body)
                self.assertEqual(job["status"], "error")
                self.assertEqual(job["opresult"][0][0], "HypervisorError")
                self.assertEqual(list(self.blocks.volumes), ["image"])
                self.assertEqual(list((self.directory / "g" / "instances").iterdir()), [])
            self.assertEqual(await client.call("GET", "/2/instances"), (200, []))

        return self.run_test(check)

    def test_foreign_volume_is_kept(self) -> Deferred[None]:
        """A create that meets a volume of its disk's name fails, and does not touch the volume."""

        async def check(client: Client) -> None:
            await self.blocks.create(f"vol-{NAME}", 1)
            job = await client.job("POST", "/2/instances", create_body())
            self.assertEqual((job["status"], job["opresult"][0][1][1]), ("error", "already_exists"))
            self.assertIn(f"vol-{NAME}", self.blocks.volumes)

        return self.run_test(check)

    def test_storage_away(self) -> Deferred[None]:
        """What can't be removed for want of storage is removed later, also after a restart."""

        async def check(client: Client) -> None:
            body = create_body("snf-unstartable")
            self.blocks.busy.add("vol-snf-unstartable")
            job = await client.job("POST", "/2/instances", body)
            self.assertEqual(job["status"], "error")
            self.assertIn("vol-snf-unstartable", self.blocks.volumes)
            self.blocks.busy.clear()
            client = await self.restart()
            job = await client.job("POST", "/2/instances", body)
            self.assertEqual(job["opresult"][0][0], "HypervisorError", job)
            self.assertNotIn("vol-snf-unstartable", self.blocks.volumes)

        return self.run_test(check)

    def test_same_effect_once(self) -> Deferred[None]:
        """A second submission for the same effect is answered with the first's job, also later."""

        async def check(client: Client) -> None:
            path = "/2/instances?reason=synnefo-effect:4711"
            first = await client.submit("POST", path, create_body())
            second = await client.submit("POST", path, create_body())
            await client.ended(first)
            client = await self.restart()
            third = await client.submit("POST", path, create_body())
            self.assertEqual((first, first), (second, third))
            self.assertEqual(len((await client.call("GET", "/2/jobs"))[1]), 1)

        return self.run_test(check)

    def test_no_secrets(self) -> Deferred[None]:
        """Private parameters stand in no job, no news, and in no database after the job."""

        async def check(client: Client) -> None:
            private = {"config_drive": json.dumps({"x": "U0VDUkVU"}), "password": "pw-SECRET"}
            job = await client.job("POST", "/2/instances", create_body(osparams_private=private))
            self.assertEqual(
                job["ops"][0]["osparams_private"],
                {"config_drive": "<redacted>", "password": "<redacted>"},
            )
            failed = create_body("snf-unstartable", osparams_private=private)
            await client.job("POST", "/2/instances", failed)
            _, bulk = await client.call("GET", "/2/jobs?bulk=1")
            await self.services[-1].stopService()
            for told in (json.dumps(bulk), json.dumps(self.listener.heard)):
                self.assertNotIn("U0VDUkVU", told)
                self.assertNotIn("pw-SECRET", told)
            for path in (self.directory / "g").glob("cluster.db*"):
                self.assertNotIn(b"pw-SECRET", path.read_bytes())

        return self.run_test(check)

    def test_cancel(self) -> Deferred[None]:
        """A job that waits can be cancelled; one that has ended, or never was, can't."""

        async def check(client: Client) -> None:
            first = await client.submit("POST", "/2/instances", create_body())
            body = create_body("snf-2", depends=[[first + 2, []]])
            status, answer = await client.call("POST", "/2/instances", body)
            waiting = await client.submit(
                "PUT", f"/2/instances/{NAME}/shutdown", {"depends": [[answer, ["success"]]]}
            )
            self.assertEqual(status, 200)
            await client.ended(answer)
            self.assertEqual((await client.ended(waiting))["status"], "error")
            self.assertEqual(
                await client.call("DELETE", f"/2/jobs/{first}"),
                (200, [False, f"Job {first} not found in queue"]),
            )
            self.assertEqual(
                await client.call("DELETE", "/2/jobs/4711"),
                (200, [False, "Job 4711 not found in queue"]),
            )

        return self.run_test(check)

    def test_cancel_queued(self) -> Deferred[None]:
        """A job behind another's lock is taken off the queue, and what depends on it goes too."""

        async def check(client: Client) -> None:
            self.hypervisor.held = Deferred()
            first = await client.submit("POST", "/2/instances", create_body())
            second = await client.submit("PUT", f"/2/instances/{NAME}/shutdown", {"timeout": 0})
            third = await client.submit("PUT", "/2/tags?tag=x")
            self.assertEqual((await client.ended(third))["status"], "success")
            self.assertEqual(
                await client.call("DELETE", f"/2/jobs/{second}"),
                (200, [True, f"Dequeued job {second}"]),
            )
            self.hypervisor.held.callback(None)
            self.assertEqual((await client.ended(first))["status"], "success")
            self.assertEqual((await client.ended(second))["status"], "canceled")
            self.assertIn(NAME, self.world)
            self.assertEqual(self.listener.statuses("OP_INSTANCE_SHUTDOWN"), ["queued", "canceled"])

        return self.run_test(check)

    def test_depends(self) -> Deferred[None]:
        """A job waits for those it depends on, and runs when they end as it wants."""

        async def check(client: Client) -> None:
            self.hypervisor.held = Deferred()
            first = await client.submit("POST", "/2/instances", create_body())
            body = {"depends": [[first, ["success"]]]}
            second = await client.submit("PUT", "/2/tags?tag=x&unused=1")
            self.assertEqual((await client.ended(second))["status"], "success")
            second = await client.submit("DELETE", f"/2/instances/{NAME}", body)
            _, waiting = await client.call("GET", f"/2/jobs/{second}")
            self.assertEqual(waiting["status"], "queued")
            self.hypervisor.held.callback(None)
            ended = await client.ended(second)
            self.assertEqual(ended["status"], "success", ended)
            self.assertEqual((await client.call("GET", f"/2/jobs/{first}"))[1]["status"], "success")

        return self.run_test(check)

    def test_networks(self) -> Deferred[None]:
        """A network shows its addresses, and can't go while it is connected or in use."""

        async def check(client: Client) -> None:
            await self.connect_network(client)
            nics = [{"network": NETWORK, "ip": "pool"}, {"network": NETWORK, "ip": "10.7.0.200"}]
            await client.job("POST", "/2/instances", create_body(nics=nics))
            _, shown = await client.call("GET", f"/2/networks/{NETWORK}")
            self.assertEqual(shown["map"][:4], "XXX.")
            self.assertEqual(shown["map"][200], "X")
            self.assertEqual((shown["reserved_count"], shown["inst_list"]), (5, [NAME]))
            taken = create_body("snf-2", nics=[{"network": NETWORK, "ip": "10.7.0.200"}])
            job = await client.job("POST", "/2/instances", taken)
            self.assertEqual(job["opresult"][0][1][1], "resource_not_unique")
            leave = {"group_name": "default"}
            job = await client.job("PUT", f"/2/networks/{NETWORK}/disconnect", leave)
            self.assertEqual(job["opresult"][0][1][1], "wrong_state")
            job = await client.job("DELETE", f"/2/networks/{NETWORK}")
            self.assertEqual(job["opresult"][0][1], ["Network still connected", "wrong_state"])
            await client.job("DELETE", f"/2/instances/{NAME}")
            for verb, path, body in (
                ("PUT", f"/2/networks/{NETWORK}/disconnect", leave),
                ("DELETE", f"/2/networks/{NETWORK}", None),
            ):
                self.assertEqual((await client.job(verb, path, body))["status"], "success")
            job = await client.job("DELETE", f"/2/networks/{NETWORK}")
            self.assertEqual(job["opresult"][0][1][1], "unknown_entity")

        return self.run_test(check)

    def test_clone(self) -> Deferred[None]:
        """A disk with an origin is a clone of it."""

        async def check(client: Client) -> None:
            disk = {"name": "v", "size": 5, "provider": "archipelago",
                    "origin": "pithosmap://image/1048576"}  # fmt: skip
            job = await client.job("POST", "/2/instances", create_body(disks=[disk]))
            self.assertEqual(job["status"], "success", job)
            volume = self.blocks.volumes["v"]
            self.assertEqual((volume.origin, volume.size_bytes), ("image", 5 * 1024**2))

        return self.run_test(check)

    def test_reads(self) -> Deferred[None]:
        """The cluster's facts have the keys that Ganeti's clients look for."""

        async def check(client: Client) -> None:
            _, info = await client.call("GET", "/2/info")
            self.assertLessEqual(
                {"name", "ipolicy", "enabled_disk_templates", "default_hypervisor", "tags"},
                set(info),
            )
            self.assertIn("ext", info["ipolicy"]["disk-templates"])
            _, nodes = await client.call("GET", "/2/nodes?bulk=1")
            self.assertGreater(nodes[0]["mtotal"], nodes[0]["mfree"])
            self.assertGreater(nodes[0]["ctotal"], 0)
            _, node = await client.call("GET", "/2/nodes/node1")
            self.assertEqual(set(node), {*nodes[0], "secondary_ip"})
            self.assertEqual(node["name"], "node1")
            self.assertEqual(
                await client.call("GET", "/2/groups"),
                (200, [{"name": "default", "uri": "/2/groups/default"}]),
            )
            for path in ("/", "/2"):
                self.assertEqual(await client.call("GET", path), (200, None))

        return self.run_test(check)
