"""
How instances are created: reserved first, without a system, under the resolver's name, placed.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SkipTest

from ganetid.opcodes.host_names import NODED_PORT
from tests.ganetid.cluster import NETWORK, Client, ClusterTestCase, create_body
from tests.ganetid.scripts.test_running import write

PATH = "/2/instances/inst"


class CreateModeTests(ClusterTestCase):
    """What a client sees, and what is made."""

    def run_test(self, test: Any, **settings: Any) -> Deferred[None]:
        async def run() -> None:
            client = await self.start(**settings)
            await self.connect_network(client)
            await test(client)

        return Deferred.fromCoroutine(run())

    async def done(self, client: Client, **changes: Any) -> dict[str, Any]:
        job = await client.job("POST", "/2/instances", create_body("inst", **changes))
        self.assertEqual(job["status"], "success", job["opresult"])
        return job

    async def refused(self, client: Client, code: str, **changes: Any) -> str:
        """Its words; nothing of it is there."""
        job = await client.job("POST", "/2/instances", create_body("inst", **changes))
        error, (message, ecode) = job["opresult"][0]
        self.assertEqual((error, ecode), ("OpPrereqError", code), message)
        return str(message)

    def test_reserved(self) -> Deferred[None]:
        """
        Of a forthcoming instance nothing is made, but its addresses are kept from others; one that
        is committed has them.
        """

        async def check(client: Client) -> None:
            nics = [{"network": NETWORK, "ip": "pool"}]
            job = await self.done(client, forthcoming=True, nics=nics)
            self.assertEqual(job["opresult"], [["node1"]])
            self.assertEqual(sorted(self.blocks.volumes), ["image"])
            self.assertNotIn("inst", self.world)
            _, reserved = await client.call("GET", PATH)
            self.assertEqual(reserved["status"], "ADMIN_down")
            query = {"fields": ["name", "forthcoming"]}
            _, rows = await client.call("PUT", "/2/query/instance", query)
            self.assertEqual(rows["data"], [[[0, "inst"], [0, True]]])
            taken = [{"network": NETWORK, "ip": reserved["nic.ips"][0]}]
            other = create_body("other", nics=taken)
            job = await client.job("POST", "/2/instances", other)
            self.assertIn("already in use", job["opresult"][0][1][0])
            job = await client.job("PUT", f"{PATH}/startup")
            self.assertIn("forthcoming instances not supported", str(job["opresult"]))
            client = await self.restart()
            await self.done(client, commit=True, beparams={"memory": 256})
            _, made = await client.call("GET", PATH)
            same = ("uuid", "nic.ips", "nic.macs", "disk.uuids", "pnode")
            self.assertEqual([made[key] for key in same], [reserved[key] for key in same])
            self.assertEqual((made["status"], made["oper_ram"]), ("running", 256))
            self.assertIn("vol-inst", self.blocks.volumes)

        return self.run_test(check)

    def test_reservation_that_ends(self) -> Deferred[None]:
        """It is removed without its volumes, which may be others'; only one can be committed."""

        async def check(client: Client) -> None:
            words = await self.refused(client, "wrong_input", forthcoming=True, commit=True)
            self.assertIn("mutually exclusive", words)
            self.assertIn("unknown", await self.refused(client, "wrong_input", commit=True))
            await self.done(client, forthcoming=True)
            await self.blocks.create("vol-inst", 1)
            self.assertIn("exists", await self.refused(client, "already_exists", commit=True))
            _, shown = await client.call("GET", PATH)
            self.assertEqual(shown["status"], "ADMIN_down")
            job = await client.job("DELETE", PATH)
            self.assertEqual(job["status"], "success", job)
            self.assertIn("vol-inst", self.blocks.volumes)
            await self.blocks.delete("vol-inst")
            await self.done(client)
            self.assertIn("not forthcoming", await self.refused(client, "wrong_state", commit=True))

        return self.run_test(check)

    def test_without_a_system(self) -> Deferred[None]:
        """no_install makes the disks and starts nothing."""

        async def check(client: Client) -> None:
            job = await self.done(client, no_install=True, os_type="image+default",
                                  osparams_private={}, start=True)  # fmt: skip
            self.assertIn("No-installation mode selected", str(job["oplog"]))
            self.assertIn("vol-inst", self.blocks.volumes)
            _, shown = await client.call("GET", PATH)
            self.assertEqual((shown["status"], shown["os"]), ("ADMIN_down", "image+default"))

        return self.run_test(check)

    def test_defaults_are_not_its_own(self) -> Deferred[None]:
        """identify_defaults: what is as the cluster has it follows the cluster."""

        async def check(client: Client) -> None:
            _, info = await client.call("GET", "/2/info")
            vcpus = info["beparams"]["default"]["vcpus"]
            await client.job(
                "PUT",
                "/2/modify",
                {"osparams": {"image": {"seed": "none"}}, "hvparams": {"fake": {"acpi": True}}},
            )
            await self.done(client, beparams={"memory": 200, "vcpus": vcpus},
                            hvparams={"acpi": True, "boot_order": "network"},
                            os_type="image+default", osparams={"seed": "none", "hostname": "h"},
                            osparams_private={}, identify_defaults=True)  # fmt: skip
            _, shown = await client.call("GET", PATH)
            self.assertEqual(shown["custom_beparams"], {"minmem": 200, "maxmem": 200})
            self.assertEqual(shown["custom_hvparams"], {"boot_order": "network"})
            query = {"fields": ["custom_osparams"]}
            _, rows = await client.call("PUT", "/2/query/instance", query)
            self.assertEqual(rows["data"], [[[0, {"hostname": "h"}]]])

        return self.run_test(check)

    def test_names(self) -> Deferred[None]:
        """A name has to be the resolver's, and nobody may answer at its address."""

        async def check(client: Client) -> None:
            words = await self.refused(client, "wrong_input", ip_check=True)
            self.assertIn("Cannot do IP address check without a name check", words)
            words = await self.refused(client, "wrong_input", nics=[{"ip": "auto"}])
            self.assertIn("name checks have been skipped", words)
            body = create_body("no-such-name.invalid", name_check=True)
            job = await client.job("POST", "/2/instances", body)
            self.assertEqual(job["opresult"][0][1][1], "resolver_error")
            await self.done(client)
            await client.job("PUT", f"{PATH}/shutdown")
            wish = {"new_name": "no-such-name.invalid", "name_check": True, "ip_check": False}
            job = await client.job("PUT", f"{PATH}/rename", wish)
            self.assertEqual(job["opresult"][0][1][1], "resolver_error")
            if socket.getfqdn("localhost") != "localhost":
                raise SkipTest("localhost is not called so here")
            body = create_body("localhost", name_check=True, nics=[{"ip": "auto"}])
            job = await client.job("POST", "/2/instances", body)
            self.assertEqual(job["status"], "success", job["opresult"])
            _, shown = await client.call("GET", "/2/instances/localhost")
            self.assertIn(shown["nic.ips"][0], {"127.0.0.1", "::1"})

        return self.run_test(check)

    def test_address_in_use(self) -> Deferred[None]:
        """Whoever answers or refuses at the port of a node daemon is there."""

        async def check(client: Client) -> None:
            try:
                port = reactor.listenTCP(  # type: ignore[attr-defined]
                    NODED_PORT, Factory.forProtocol(Protocol), interface="127.0.0.1"
                )
                self.addCleanup(port.stopListening)
            except CannotListenError:
                pass
            body = create_body("localhost", name_check=True, ip_check=True)
            job = await client.job("POST", "/2/instances", body)
            message, code = job["opresult"][0][1]
            self.assertEqual(code, "resource_not_unique", message)
            self.assertIn("of instance localhost already in use", message)

        return self.run_test(check)

    def test_no_room_for_now(self) -> Deferred[None]:
        """Who asks opportunistically is told that it may be otherwise soon."""

        async def check(client: Client) -> None:
            huge = {"memory": 1 << 51}  # the fake hypervisor has nearly endless memory
            words = await self.refused(client, "temp_insufficient_resources", beparams=huge,
                                       ignore_ipolicy=True,
                                       opportunistic_locking=True)  # fmt: skip
            self.assertIn("Can't compute nodes using iallocator", words)
            await self.refused(client, "insufficient_resources", beparams=huge)
            words = await self.refused(client, "wrong_input", opportunistic_locking=True,
                                       pnode="node1")  # fmt: skip
            self.assertIn("only available in combination with an instance allocator", words)

        return self.run_test(check)

    def test_hooks_know_what_will_be_made(self) -> Deferred[None]:
        """The pre hook of a creation is told the node, the addresses and all parameters."""

        async def check(client: Client) -> None:
            hooks = self.directory / "hooks" / "instance-add-pre.d"
            write(hooks / "x", f"env >{self.directory}/told")
            await self.done(client, nics=[{"network": NETWORK, "ip": "pool"}])
            lines = (self.directory / "told").read_text().splitlines()
            told = dict(line.split("=", 1) for line in lines if "=" in line)
            _, shown = await client.call("GET", PATH)
            self.assertEqual(told["GANETI_INSTANCE_PRIMARY"], "node1")
            self.assertEqual(told["GANETI_INSTANCE_NIC0_IP"], shown["nic.ips"][0])
            self.assertEqual(told["GANETI_INSTANCE_NIC0_MAC"], shown["nic.macs"][0])
            self.assertEqual(told["GANETI_INSTANCE_BE_vcpus"], "1")
            self.assertEqual(told["GANETI_INSTANCE_HYPERVISOR"], "fake")

        return self.run_test(check, hooks_dir=str(self.directory / "hooks"))

    def test_reinstalled_by_query(self) -> Deferred[None]:
        """The older form: the system and whether to start stand in the query alone."""

        async def check(client: Client) -> None:
            await self.done(client, osparams_private={})
            job = await client.job("POST", f"{PATH}/reinstall?os=image%2Bdefault&nostartup=1")
            self.assertEqual(job["status"], "success", job["opresult"])
            self.assertEqual([op["OP_ID"] for op in job["ops"]],
                             ["OP_INSTANCE_SHUTDOWN", "OP_INSTANCE_REINSTALL"])  # fmt: skip
            _, shown = await client.call("GET", PATH)
            self.assertEqual((shown["os"], shown["status"]), ("image+default", "ADMIN_down"))
            body = {"os": "image+default"}
            status, said = await client.call("POST", f"{PATH}/reinstall?nostartup=1", body)
            self.assertEqual(status, 400)
            self.assertIn("combine query and body parameters", said["message"])

        return self.run_test(check)
