"""
openstacksdk and the openstack command against the APIs on a loopback port.
"""

from __future__ import annotations

import json
from typing import Any

import openstack
from openstack.connection import Connection
from sqlalchemy import update
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from synnefo_tx.compute.rows.servers import release
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.identity.rows import accounts
from tests.synnefo_tx.compute.live_cloud import LiveCloud


class SdkTests(TestCase):
    """
    openstacksdk, in a thread of its own.
    """

    timeout = 60

    def setUp(self) -> None:
        self.cloud = LiveCloud(self)
        self.sdk = Connection(
            auth=self.cloud.account(),
            identity_api_version="3",
            region_name="RegionOne",
        )
        self.addCleanup(self.sdk.close)

    def test_a_server_from_its_making_to_its_end(self) -> Deferred[None]:
        """Made, waited for, listed, stopped, and gone."""
        return deferToThread(self._live)

    def _live(self) -> None:
        compute, network = self.sdk.compute, self.sdk.network
        key = compute.create_keypair(name="k", public_key=_PUBLIC)
        flavor = compute.find_flavor("tiny", ignore_missing=False)
        image = self.sdk.image.find_image("guest", ignore_missing=False)
        net = network.find_network("default", ignore_missing=False)
        made = compute.create_server(
            name="w",
            flavor_id=flavor.id,
            image_id=image.id,
            key_name=key.name,
            networks=[{"uuid": net.id}],
            metadata={"a": "b"},
        )
        self.assertEqual(compute.get_server(made).status, "BUILD")
        self._believe(vm_state="active", task_state=None, power_state=1, launched_at=1)
        server = compute.wait_for_server(made, interval=0.1, wait=10)
        self.assertEqual(server.addresses["default"][0]["addr"], "10.0.0.2")
        self.assertEqual(server.flavor.name, "tiny")
        self.assertEqual([port.device_id for port in network.ports()], [server.id])
        self.assertEqual(next(iter(network.subnets())).cidr, "10.0.0.0/24")
        self.assertEqual(
            compute.get_server_console_output(server, length=3)["output"], "cluster-1 booted 3"
        )
        compute.stop_server(server)
        with self.assertRaises(openstack.exceptions.ConflictException) as caught:
            compute.start_server(server)
        self.assertIn("while it is in vm_state active", str(caught.exception))
        self.assertEqual([item.name for item in compute.servers(name="w", limit=1)], ["w"])
        compute.set_server_metadata(server, c="d")
        self.assertEqual(compute.get_server(server).metadata, {"a": "b", "c": "d"})
        compute.delete_server(server)
        self._release(server.id)
        compute.wait_for_delete(server, interval=0.1, wait=10)
        self.assertEqual(list(compute.servers()), [])
        self.assertEqual(self.cloud.kicks, 3)

    def _believe(self, **values: Any) -> None:
        with self.cloud.database.engine.begin() as connection:
            connection.execute(update(servers).values(**values))

    def _release(self, server_id: str) -> None:
        with self.cloud.database.engine.begin() as connection:
            row = connection.execute(servers.select().where(servers.c.id == server_id)).one()
            release(connection, row, 1)


class CommandTests(TestCase):
    """
    The openstack command.
    """

    timeout = 120

    def test_a_server_is_made_listed_and_deleted(self) -> Deferred[None]:
        """Each command does what it says."""
        return Deferred.fromCoroutine(self._commands(LiveCloud(self)))

    async def _commands(self, cloud: LiveCloud) -> None:
        async def told(*words: str) -> Any:
            return json.loads(await cloud.openstack(*words, "-f", "json"))

        private = await cloud.openstack("keypair", "create", "k")
        self.assertIn("PRIVATE KEY", private)
        made = await told(
            "server", "create", "w", "--flavor", "tiny", "--image", "guest",
            "--network", "default", "--key-name", "k", "--property", "a=b",
        )  # fmt: skip
        self.assertEqual(made["status"], "BUILD")
        (listed,) = await told("server", "list", "--long")
        self.assertEqual(
            (listed["Name"], listed["Image Name"], listed["Flavor"], listed["Networks"]),
            ("w", "guest", "tiny", {"default": ["10.0.0.2"]}),
        )
        (port,) = await told("port", "list", "--server", "w")
        self.assertEqual(port["Status"], "DOWN")
        zones = await told("availability", "zone", "list", "--compute")
        self.assertEqual(zones, [{"Zone Name": "nova", "Zone Status": "available"}])
        await cloud.openstack("server", "delete", "w")
        shown = await told("server", "show", "w")
        self.assertEqual(shown["OS-EXT-STS:task_state"], "deleting")

    def test_quotas_are_shown_set_and_deleted(self) -> Deferred[None]:
        """Those of all services together, as the command puts them."""
        return Deferred.fromCoroutine(self._quotas(LiveCloud(self)))

    async def _quotas(self, cloud: LiveCloud) -> None:
        async def limits(*words: str) -> dict[str, int]:
            rows = json.loads(await cloud.openstack("quota", "show", *words, "-f", "json"))
            return {row["Resource"]: row["Limit"] for row in rows}

        with cloud.database.engine.begin() as connection:
            accounts.create_role(connection, "boss", "admin")
            accounts.assign(connection, "carol", "carols", "boss")
        usual = await limits()
        self.assertEqual((usual["cores"], usual["ports"], usual["gigabytes"]), (40, 500, 1000))
        project = json.loads(await cloud.openstack("token", "issue", "-f", "json"))["project_id"]
        await cloud.openstack("quota", "set", "--cores", "5", "--ports", "6", project)
        self.assertEqual(await limits(), usual | {"cores": 5, "ports": 6})
        await cloud.openstack("quota", "delete", project)
        self.assertEqual(await limits(), usual)


_PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJwQCaqn8BNSZfuOxU7kBX6mmZFC0qeQ494NVw5GG9Gy c"
