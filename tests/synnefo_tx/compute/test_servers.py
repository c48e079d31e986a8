"""
Servers that are made, shown, changed and deleted.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.rows.servers import fail, release
from synnefo_tx.compute.rules import quotas
from synnefo_tx.network.rows.tables import ports
from synnefo_tx.volume.rows.tables import volumes
from tests.synnefo_tx.compute.cloud import (
    ADMIN,
    ALICE,
    BASE,
    BOB,
    GIB,
    IMAGE,
    NETWORK,
    READER,
    Cloud,
    add_image,
    asked,
    some_id,
)

CHARGES = {"instances": 1, "cores": 1, "ram": 128, "volumes": 1, "gigabytes": 1, "ports": 1}


def drive_of(wish: Any) -> dict[str, bytes]:
    """
    The config drive that a wish carries.
    """
    drive = json.loads(wish.body["osparams_private"]["config_drive"])
    return {path: base64.b64decode(content) for path, content in drive.items()}


class CreateTests(SynchronousTestCase):
    """
    POST /servers.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def test_answer(self) -> None:
        """202 with the server's links, its password, and where it is."""
        answer = self.cloud.nova("POST", "/servers", {"server": asked(adminPass="secret")})
        self.assertEqual(answer.status, 202)
        server_id = answer.json["server"]["id"]
        own = f"{BASE}/v2.1/servers/{server_id}"
        self.assertEqual(
            answer.json,
            {
                "server": {
                    "id": server_id,
                    "links": [
                        {"rel": "self", "href": own},
                        {"rel": "bookmark", "href": f"{BASE}/servers/{server_id}"},
                    ],
                    "OS-DCF:diskConfig": "MANUAL",
                    "security_groups": [{"name": "default"}],
                    "adminPass": "secret",
                }
            },
        )
        self.assertEqual(answer.header("location"), own)

    def test_everything_is_written_together(self) -> None:
        """Quota, port, volume, server and wish; the performer is told once."""
        server_id = self.cloud.create()
        running = quotas.running(1, 128)
        self.assertEqual(self.cloud.used(), CHARGES | running)
        row = self.cloud.row(server_id)
        self.assertEqual((row.vm_state, row.task_state), ("building", "scheduling"))
        self.assertEqual(row.reserved, quotas.charges(vcpus=1, ram_mib=128, disk_gib=1, ports=1))
        (wish,) = self.cloud.wishes(server_id)
        self.assertIsNotNone(wish.task_id)
        self.assertEqual((wish.method, wish.path), ("POST", "/2/instances"))
        with self.cloud.database.engine.connect() as connection:
            port = connection.execute(select(ports)).one()
            volume = connection.execute(select(volumes)).one()
        self.assertEqual(port.device_id, server_id)
        self.assertEqual(volume.server_id, server_id)
        self.assertEqual(
            wish.body["disks"],
            [
                {
                    "name": f"snf-vol-{volume.id}",
                    "size": 1024,
                    "provider": "archipelago",
                    "origin": f"img-{IMAGE}",
                }
            ],
        )
        self.assertEqual(wish.body["nics"][0]["mac"], port.mac_address)
        self.assertEqual(wish.body["nics"][0]["ip"], "10.0.0.2")
        self.assertEqual(self.cloud.kicks, 1)

    def test_config_drive(self) -> None:
        """The guest is told its name, keys, metadata, user data and network."""
        public = self.cloud.nova("POST", "/os-keypairs", {"keypair": {"name": "k"}}).json
        server_id = self.cloud.create(
            name="My Server_1",
            key_name="k",
            metadata={"a": "b"},
            user_data=base64.b64encode(b"#!/bin/sh\n").decode(),
            personality=[{"path": "/etc/motd", "contents": base64.b64encode(b"hi").decode()}],
        )
        drive = drive_of(self.cloud.wishes(server_id)[0])
        for release_name in ("latest", "2018-08-27"):
            self.assertEqual(drive[f"openstack/{release_name}/user_data"], b"#!/bin/sh\n")
        told = json.loads(drive["openstack/latest/meta_data.json"])
        self.assertEqual(told["uuid"], server_id)
        self.assertEqual(told["name"], "My Server_1")
        self.assertEqual(told["hostname"], "my-server-1")
        self.assertEqual(told["meta"], {"a": "b"})
        self.assertEqual(told["project_id"], "project-alice")
        self.assertEqual(told["public_keys"], {"k": public["keypair"]["public_key"]})
        self.assertEqual(told["files"], [{"path": "/etc/motd", "content_path": "/content/0000"}])
        self.assertEqual(drive["openstack/content/0000"], b"hi")
        network = json.loads(drive["openstack/latest/network_data.json"])
        self.assertEqual(network["networks"][0]["type"], "ipv4_dhcp")
        self.assertEqual(network["services"], [{"type": "dns", "address": "9.9.9.9"}])

    def test_config_drive_field_says_what_was_asked(self) -> None:
        """Every guest gets a drive; the API tells what the user wanted."""
        for wanted, shown in ((True, "True"), ("yes", "True"), (False, ""), (None, "")):
            server_id = self.cloud.create(config_drive=wanted)
            server = self.cloud.nova("GET", f"/servers/{server_id}").json["server"]
            self.assertEqual(server["config_drive"], shown)

    def test_no_network(self) -> None:
        """ "none" makes a server without a port or a security group."""
        server_id = self.cloud.create(networks="none", version="2.37")
        server = self.cloud.nova("GET", f"/servers/{server_id}", version="2.37").json["server"]
        self.assertEqual(server["addresses"], {})
        self.assertNotIn("security_groups", server)
        self.assertNotIn("ports", self.cloud.used())

    def test_wanted_address(self) -> None:
        """The address asked for is the one got."""
        wanted = [{"uuid": NETWORK, "fixed_ip": "10.0.0.77"}]
        server_id = self.cloud.create(networks=wanted)
        self.assertEqual(
            self.cloud.nova("GET", f"/servers/{server_id}/ips").json,
            {"addresses": {"default": [{"version": 4, "addr": "10.0.0.77"}]}},
        )

    def test_device_tag(self) -> None:
        """A NIC's tag reaches the guest and os-interface."""
        wanted = [{"uuid": NETWORK, "tag": "front"}]
        server_id = self.cloud.create(networks=wanted, version="2.42")
        drive = drive_of(self.cloud.wishes(server_id)[0])
        (device,) = json.loads(drive["openstack/latest/meta_data.json"])["devices"]
        self.assertEqual(device["tags"], ["front"])
        path = f"/servers/{server_id}/os-interface"
        (shown,) = self.cloud.nova("GET", path, version="2.70").json["interfaceAttachments"]
        self.assertEqual((shown["tag"], shown["mac_addr"]), ("front", device["mac"]))

    def test_flavor_without_disk_takes_the_image_size(self) -> None:
        """Disk 0 means as large as the image, in whole GiB."""
        image = some_id()
        with self.cloud.database.engine.begin() as connection:
            add_image(connection, image, virtual_size=2 * GIB + 1)
        server_id = self.cloud.create(flavorRef="0", imageRef=image)
        self.assertEqual(self.cloud.wishes(server_id)[0].body["disks"][0]["size"], 3 * 1024)
        self.assertEqual(self.cloud.used()["gigabytes"], 3)

    def test_several_at_once(self) -> None:
        """Numbered names, distinct addresses, as many as the quota allows, one reservation."""
        body = {"server": asked(name="w", min_count=2, max_count=50, return_reservation_id=True)}
        answer = self.cloud.nova("POST", "/servers", body)
        self.assertEqual(answer.status, 202)
        made = self.cloud.nova(
            "GET", f"/servers/detail?reservation_id={answer.json['reservation_id']}"
        ).json["servers"]
        self.assertEqual(
            sorted(server["name"] for server in made), sorted(f"w-{n}" for n in range(1, 21))
        )
        addresses = {server["addresses"]["default"][0]["addr"] for server in made}
        self.assertEqual(len(addresses), 20)
        self.assertEqual(self.cloud.used()["instances"], 20)


class ShowTests(SynchronousTestCase):
    """
    GET /servers/<id>.
    """

    maxDiff = None

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def _show(self, server_id: str, version: str | None, user: str = ALICE) -> dict[str, Any]:
        answer = self.cloud.nova("GET", f"/servers/{server_id}", user=user, version=version)
        self.assertEqual(answer.status, 200)
        return dict(answer.json["server"])

    def test_in_2_1(self) -> None:
        """Every field, as Nova shows it to a user."""
        server_id = self.cloud.active(metadata={"a": "b"}, config_drive=True)
        shown = self._show(server_id, None)
        mac = shown["addresses"]["default"][0].pop("OS-EXT-IPS-MAC:mac_addr")
        self.assertTrue(mac.startswith("fa:16:3e:"))
        self.assertEqual(
            shown,
            {
                "accessIPv4": "",
                "accessIPv6": "",
                "addresses": {
                    "default": [{"version": 4, "addr": "10.0.0.2", "OS-EXT-IPS:type": "fixed"}]
                },
                "created": "2025-11-23T01:29:53Z",
                "flavor": {
                    "id": "1",
                    "links": [{"rel": "bookmark", "href": f"{BASE}/flavors/1"}],
                },
                # printf project-alicenode1 | sha224sum
                "hostId": "99096656a4df7bed17620568a07a0d534176aef0e32d4c3efbfdee50",
                "id": server_id,
                "image": {
                    "id": IMAGE,
                    "links": [{"rel": "bookmark", "href": f"{BASE}/images/{IMAGE}"}],
                },
                "links": [
                    {"rel": "self", "href": f"{BASE}/v2.1/servers/{server_id}"},
                    {"rel": "bookmark", "href": f"{BASE}/servers/{server_id}"},
                ],
                "metadata": {"a": "b"},
                "name": "w",
                "status": "ACTIVE",
                "tenant_id": "project-alice",
                "user_id": "alice",
                "updated": "2025-11-23T01:29:53Z",
                "OS-DCF:diskConfig": "MANUAL",
                "progress": 0,
                "OS-EXT-AZ:availability_zone": "nova",
                "config_drive": "True",
                "key_name": None,
                "OS-SRV-USG:launched_at": "2025-11-23T01:29:53.000000",
                "OS-SRV-USG:terminated_at": None,
                "security_groups": [{"name": "default"}],
                "OS-EXT-STS:task_state": None,
                "OS-EXT-STS:vm_state": "active",
                "OS-EXT-STS:power_state": 1,
                "os-extended-volumes:volumes_attached": [],
            },
        )

    def test_what_microversions_add(self) -> None:
        """Each field appears in its microversion and not before."""
        server_id = self.cloud.active()
        for version, field in (
            ("2.9", "locked"),
            ("2.19", "description"),
            ("2.26", "tags"),
            ("2.63", "trusted_image_certificates"),
            ("2.71", "server_groups"),
            ("2.73", "locked_reason"),
            ("2.90", "OS-EXT-SRV-ATTR:hostname"),
            ("2.96", "pinned_availability_zone"),
        ):
            minor = int(version.partition(".")[2])
            self.assertIn(field, self._show(server_id, version))
            self.assertNotIn(field, self._show(server_id, f"2.{minor - 1}"))
        self.assertEqual(
            self._show(server_id, "2.47")["flavor"],
            {
                "vcpus": 1,
                "ram": 128,
                "disk": 1,
                "ephemeral": 0,
                "swap": 0,
                "original_name": "tiny",
                "extra_specs": {},
            },
        )

    def test_administrators_see_more(self) -> None:
        """Where the server is, and by which name its cluster knows it."""
        server_id = self.cloud.active()
        shown = self._show(server_id, "2.3", ADMIN)
        self.assertEqual(shown["OS-EXT-SRV-ATTR:host"], "node1")
        self.assertEqual(shown["OS-EXT-SRV-ATTR:instance_name"], f"snf-{server_id}")
        self.assertNotIn("OS-EXT-SRV-ATTR:host", self._show(server_id, "2.3"))

    def test_statuses(self) -> None:
        """From vm_state and task_state, as Nova's table has it."""
        server_id = self.cloud.active()
        for vm_state, task_state, status in (
            ("building", "spawning", "BUILD"),
            ("active", None, "ACTIVE"),
            ("active", "powering-off", "ACTIVE"),
            ("active", "rebooting", "REBOOT"),
            ("active", "rebooting_hard", "HARD_REBOOT"),
            ("active", "deleting", "ACTIVE"),
            ("stopped", None, "SHUTOFF"),
            ("error", None, "ERROR"),
        ):
            self.cloud.believe(server_id, vm_state=vm_state, task_state=task_state)
            self.assertEqual(self._show(server_id, None)["status"], status)

    def test_fault(self) -> None:
        """A server in error tells why; a healthy one has no fault."""
        server_id = self.cloud.create()
        self.assertNotIn("fault", self._show(server_id, None))
        with self.cloud.database.engine.begin() as connection:
            fail(connection, self.cloud.row(server_id), "No room.", int(self.cloud.now * 1e6))
        shown = self._show(server_id, None)
        self.assertEqual(shown["status"], "ERROR")
        self.assertEqual(
            shown["fault"],
            {"code": 500, "message": "No room.", "created": "2025-11-23T01:29:53Z"},
        )

    def test_other_projects_see_nothing(self) -> None:
        """Every way to a foreign server ends in the same 404."""
        server_id = self.cloud.active()
        for method, path, body in (
            ("GET", "", None),
            ("DELETE", "", None),
            ("PUT", "", {"server": {"name": "n"}}),
            ("POST", "/action", {"os-stop": None}),
            ("POST", "/action", {"os-getConsoleOutput": {}}),
            ("GET", "/ips", None),
            ("GET", "/ips/default", None),
            ("GET", "/os-interface", None),
            ("GET", "/os-volume_attachments", None),
            ("GET", "/metadata", None),
            ("PUT", "/metadata", {"metadata": {}}),
            ("POST", "/metadata", {"metadata": {}}),
            ("DELETE", "/metadata/a", None),
            ("GET", "/tags", None),
            ("PUT", "/tags", {"tags": []}),
            ("PUT", "/tags/t", None),
            ("DELETE", "/tags", None),
        ):
            answer = self.cloud.nova(method, f"/servers/{server_id}{path}", body, BOB, "2.36")
            self.assertEqual(
                (answer.status, answer.json),
                (
                    404,
                    {
                        "itemNotFound": {
                            "code": 404,
                            "message": f"Instance {server_id} could not be found.",
                        }
                    },
                ),
                (method, path),
            )
        self.assertIsNone(self.cloud.row(server_id).task_state)

    def test_readers_read(self) -> None:
        """A reader of the project sees its servers and changes none."""
        server_id = self.cloud.active()
        self._show(server_id, None, READER)
        answer = self.cloud.nova("DELETE", f"/servers/{server_id}", user=READER)
        self.assertEqual(answer.status, 403)


class ChangeTests(SynchronousTestCase):
    """
    PUT and DELETE /servers/<id>.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def test_new_name(self) -> None:
        """The answer has less than a show, before 2.75."""
        server_id = self.cloud.active()
        body = {"server": {"name": "w2", "accessIPv4": "192.0.2.1"}}
        self.cloud.now += 5
        server = self.cloud.nova("PUT", f"/servers/{server_id}", body).json["server"]
        self.assertEqual((server["name"], server["accessIPv4"]), ("w2", "192.0.2.1"))
        self.assertEqual(server["updated"], "2025-11-23T01:29:58Z")
        self.assertEqual(server["addresses"], {"default": [{"version": 4, "addr": "10.0.0.2"}]})
        self.assertNotIn("OS-EXT-STS:vm_state", server)
        full = self.cloud.nova("PUT", f"/servers/{server_id}", body, version="2.75").json["server"]
        self.assertEqual(full["OS-EXT-STS:vm_state"], "active")

    def test_wrong_changes(self) -> None:
        """Refused in Nova's words."""
        server_id = self.cloud.active()
        for body, text in (
            (
                {"server": {"name": ""}},
                "Invalid input for field/attribute name. Value: . '' should be non-empty",
            ),
            (
                {"server": {"accessIPv4": "x"}},
                (
                    "Invalid input for field/attribute accessIPv4. Value: x. 'x' is not valid "
                    "under any of the given schemas"
                ),
            ),
            ({}, "'server' is a required property"),
        ):
            answer = self.cloud.nova("PUT", f"/servers/{server_id}", body)
            self.assertEqual(
                answer.json, {"badRequest": {"code": 400, "message": text}}, repr(body)
            )

    def test_delete(self) -> None:
        """204, a wish after the one that makes it, and a second time nothing more."""
        server_id = self.cloud.create()
        for _ in range(2):
            answer = self.cloud.nova("DELETE", f"/servers/{server_id}")
            self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(
            [(wish.kind, wish.method) for wish in self.cloud.wishes(server_id)],
            [("server.create", "POST"), ("server.delete", "DELETE")],
        )
        self.assertEqual(self.cloud.row(server_id).task_state, "deleting")

    def test_gone(self) -> None:
        """Once released it is not found, its address and quota are free, its row is kept."""
        server_id = self.cloud.active()
        row = self.cloud.row(server_id)
        for _ in range(2):
            with self.cloud.database.engine.begin() as connection:
                release(connection, row, int(self.cloud.now * 1e6))
        self.assertEqual(self.cloud.nova("GET", f"/servers/{server_id}").status, 404)
        self.assertEqual(self.cloud.nova("DELETE", f"/servers/{server_id}").status, 404)
        self.assertEqual(self.cloud.nova("GET", "/servers").json, {"servers": []})
        self.assertEqual(self.cloud.used(), {})
        with self.cloud.database.engine.connect() as connection:
            self.assertEqual(list(connection.execute(select(ports))), [])
            self.assertEqual(list(connection.execute(select(volumes))), [])
        again = self.cloud.create()
        self.assertEqual(self.cloud.wishes(again)[0].body["nics"][0]["ip"], "10.0.0.2")
        changed = self.cloud.nova("GET", "/servers/detail?changes-since=2025-11-23T00:00:00Z").json
        statuses = {server["id"]: server["status"] for server in changed["servers"]}
        self.assertEqual(statuses, {server_id: "DELETED", again: "BUILD"})
