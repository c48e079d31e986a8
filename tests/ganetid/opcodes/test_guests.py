"""What Ganeti has not: guests that are paused, put to sleep, asked and looked at."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from ganetid.guest.metadata_drive import files_of
from tests.ganetid.cluster import NAME, Client, ClusterTestCase, create_body

PATH = f"/2/instances/{NAME}"


class GuestTests(ClusterTestCase):
    """On guests that are played."""

    async def begin(self) -> Client:
        client = await self.start()
        job = await client.job("POST", "/2/instances", create_body())
        self.assertEqual(job["status"], "success", job)
        return client

    async def done(self, client: Client, method: str, word: str, body: Any = None) -> None:
        job = await client.job(method, f"{PATH}/{word}", body)
        self.assertEqual(job["status"], "success", job)

    async def refused(self, client: Client, method: str, word: str) -> str:
        job = await client.job(method, f"{PATH}/{word}")
        self.assertEqual(job["status"], "error", job)
        return str(job["opresult"][0][1][0])

    async def state(self, client: Client) -> str:
        return str((await client.call("GET", f"{PATH}/statistics"))[1]["state"])

    def test_pause(self) -> Deferred[None]:
        """A paused guest runs for Ganeti, and goes on; also a start and a reboot have it do so."""

        async def check() -> None:
            client = await self.begin()
            for method, word in (("PUT", "unpause"), ("PUT", "startup"), ("POST", "reboot")):
                for _ in range(2):
                    await self.done(client, "PUT", "pause")
                self.assertEqual(await self.state(client), "paused")
                self.assertEqual((await client.call("GET", PATH))[1]["status"], "running")
                await self.done(client, method, word)
                self.assertEqual(await self.state(client), "running")
            await self.done(client, "PUT", "pause")
            await self.done(client, "PUT", "shutdown", {"timeout": 1})
            for method, word in (("PUT", "pause"), ("PUT", "unpause"), ("POST", "nmi")):
                self.assertIn("is not running", await self.refused(client, method, word))
            status, _ = await client.call("GET", f"{PATH}/statistics")
            self.assertEqual(status, 503)

        return Deferred.fromCoroutine(check())

    def test_devices_of_a_paused_guest(self) -> Deferred[None]:
        """A paused guest gets a disk at once, as one that runs."""

        async def check() -> None:
            client = await self.begin()
            await self.done(client, "PUT", "pause")
            disk = {"name": "more", "size": 64, "provider": "archipelago"}
            change = {"disks": [["add", -1, disk]], "hotplug_if_possible": True}
            await self.done(client, "PUT", "modify", change)
            self.assertEqual(len(self.world[NAME].drives), 2)

        return Deferred.fromCoroutine(check())

    def test_sleep(self) -> Deferred[None]:
        """A guest that sleeps is down and stays so; it goes on, or begins anew and then can't."""

        async def check() -> None:
            client = await self.begin()
            self.assertIn("is not suspended", await self._resumed_off(client))
            await self.done(client, "PUT", "suspend")
            self.assertNotIn(NAME, self.world)
            _, shown = await client.call("GET", PATH)
            self.assertEqual((shown["status"], shown["admin_state"]), ("ADMIN_down", "down"))
            client = await self.restart()
            await self.done(client, "PUT", "resume")
            _, shown = await client.call("GET", PATH)
            self.assertEqual((shown["status"], shown["admin_state"]), ("running", "up"))
            self.assertFalse(self.memory.exists())
            await self.done(client, "PUT", "suspend")
            self.assertTrue(self.memory.exists())
            await self.done(client, "PUT", "startup")
            self.assertFalse(self.memory.exists())
            self.assertIn(NAME, self.world)
            await self.done(client, "PUT", "suspend")
            memory = self.memory.read_bytes()
            await self.done(client, "PUT", "startup")
            await self.done(client, "PUT", "shutdown", {"timeout": 1})
            self.memory.write_bytes(memory)  # as on a node that was away meanwhile
            self.assertIn("is not suspended", await self.refused(client, "PUT", "resume"))

        return Deferred.fromCoroutine(check())

    def test_other_disks(self) -> Deferred[None]:
        """A guest that sleeps does not remember disks that are others now."""

        async def check() -> None:
            client = await self.begin()
            disk = {"name": "more", "size": 64, "provider": "archipelago"}
            for method, word, body in (
                ("PUT", "modify", {"disks": [["add", -1, disk]]}),
                ("POST", "recreate-disks", {"disks": [0]}),
                ("POST", "reinstall", {"os": "snf-image+default", "start": False}),
            ):
                await self.done(client, "PUT", "suspend")
                if word == "recreate-disks":
                    del self.blocks.volumes[f"vol-{NAME}"]
                await self.done(client, method, word, body)
                self.assertFalse(self.memory.exists())
                self.assertIn("is not suspended", await self.refused(client, "PUT", "resume"))
                await self.done(client, "PUT", "startup")

        return Deferred.fromCoroutine(check())

    async def _resumed_off(self, client: Client) -> str:
        await self.done(client, "PUT", "shutdown", {"timeout": 1})
        why = await self.refused(client, "PUT", "resume")
        await self.done(client, "PUT", "startup")
        return why

    @property
    def memory(self) -> Path:
        return self.directory / "g" / "instances" / NAME / "memory"

    def test_other_orders(self) -> Deferred[None]:
        """It is interrupted; its password needs an agent, and no job shows it."""

        async def check() -> None:
            client = await self.begin()
            await self.done(client, "POST", "nmi")
            body = {"user": "root", "password": "very-secret"}
            job = await client.job("PUT", f"{PATH}/password", body)
            self.assertIn("has no guest agent", str(job["opresult"]))
            self.assertNotIn("very-secret", json.dumps(job))
            self.assertNotIn("very-secret", str(self.listener.heard))
            _, shown = await client.call("GET", f"{PATH}/statistics")
            self.assertEqual((shown["memory_mib"], shown["drives"]), (128, []))

        return Deferred.fromCoroutine(check())

    def test_agent(self) -> Deferred[None]:
        """The agent sets passwords, and holds writes back during snapshots, whatever they do."""

        async def check() -> None:
            client = await self.start()
            given = create_body(hvparams={"use_guest_agent": True})
            job = await client.job("POST", "/2/instances", given)
            self.assertEqual(job["status"], "success", job)
            asked: list[Any] = []

            async def agent(
                name: str, command: str, given: Any = None, timeout_s: float = 5
            ) -> Any:
                asked.append((command, given, sorted(self.blocks.volumes)))

            self.hypervisor.agent = agent  # type: ignore[method-assign, assignment]
            await self.done(client, "PUT", "password", {"user": "root", "password": "pass"})
            command, told, before = asked.pop()
            self.assertEqual(command, "guest-set-user-password")
            self.assertEqual(told, {"username": "root", "password": "cGFzcw==", "crypted": False})
            snapshot = {"disks": [[0, {"snapshot_name": "snap"}]]}
            await self.done(client, "POST", "snapshot", snapshot)
            self.assertEqual([each[0] for each in asked], [f"guest-fsfreeze-{word}" for word in
                                                           ("freeze", "thaw")])  # fmt: skip
            self.assertEqual([each[2] for each in asked], [before, sorted([*before, "snap"])])
            job = await client.job("POST", f"{PATH}/snapshot", snapshot)  # it is there
            self.assertEqual([each[0][-4:] for each in asked[2:]], ["eeze", "thaw"], job)

        return Deferred.fromCoroutine(check())

    def test_config_drive(self) -> Deferred[None]:
        """A config drive that is given to an instance takes the place of the former."""

        async def check() -> None:
            client = await self.begin()
            drive = {"openstack/latest/meta_data.json": base64.b64encode(b'{"name": "new"}')}
            text = json.dumps({path: content.decode() for path, content in drive.items()})
            change = {"osparams_private": {"config_drive": text}}
            job = await client.job("PUT", f"{PATH}/modify", change)
            self.assertEqual(job["status"], "success", job)
            self.assertNotIn(text, json.dumps(job))
            files = files_of(self.directory / "g" / "instances" / NAME / "config.iso")
            self.assertEqual(files, {"openstack/latest/meta_data.json": b'{"name": "new"}'})
            bad = {"osparams_private": {"config_drive": "[]"}}
            job = await client.job("PUT", f"{PATH}/modify", bad)
            self.assertIn("is not a JSON object", job["opresult"][0][1][0])

        return Deferred.fromCoroutine(check())
