"""
Networks and ports of servers, from the call to what the cluster has and the user sees.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.quota.rows.verify import reconcile_resources
from synnefo_tx.quota.services import SERVICES
from tests.synnefo_tx.compute.cloud import BOB, NETWORK
from tests.synnefo_tx.cyclades import Cyclades


class InterfaceTests(SynchronousTestCase):
    """
    A server on the shared network, and a network of its project's.
    """

    def setUp(self) -> None:
        self.cyclades = Cyclades(self)
        with self.cyclades.cloud.database.engine.begin() as connection:
            reconcile_resources(connection, SERVICES, fix=True)  # what the cloud began with
        self.call = self.cyclades.cloud.neutron
        self.network = self.made("network", name="own")
        self.subnet = self.made(
            "subnet",
            network_id=self.network,
            ip_version=4,
            cidr="10.7.0.0/24",
            dns_nameservers=["9.9.9.9"],
        )
        self.server = self.cyclades.running(networks=[{"uuid": NETWORK}])

    def made(self, member: str, **fields: Any) -> str:
        answer = self.call("POST", f"/{member}s", {member: fields})
        self.assertEqual(answer.status, 201, answer.body)
        return str(answer.json[member]["id"])

    def port(self, port_id: str) -> Any:
        return self.call("GET", f"/ports/{port_id}").json["port"]

    def nics(self) -> list[dict[str, Any]]:
        held: list[dict[str, Any]] = self.cyclades.cluster.held.instances[f"snf-{self.server}"][
            "nics"
        ]
        return held

    def attach(self, **wanted: Any) -> Any:
        path, body = f"/servers/{self.server}/os-interface", {"interfaceAttachment": wanted}
        return self.cyclades.cloud.nova("POST", path, body)

    def attached(self, **wanted: Any) -> str:
        answer = self.attach(**wanted)
        self.assertEqual(answer.status, 200, answer.body)
        self.cyclades.settle()
        return str(answer.json["interfaceAttachment"]["port_id"])

    def detach(self, port_id: str) -> Any:
        return self.cyclades.cloud.nova("DELETE", f"/servers/{self.server}/os-interface/{port_id}")

    def interfaces(self) -> list[str]:
        path = f"/servers/{self.server}/os-interface"
        found = self.cyclades.cloud.nova("GET", path).json["interfaceAttachments"]
        return [one["port_id"] for one in found]

    def miscounted(self) -> list[Any]:
        with self.cyclades.cloud.database.engine.connect() as connection:
            return list(reconcile_resources(connection, SERVICES))

    def test_network_comes_with_its_first_port(self) -> None:
        """An overlay of its own with its subnet, which changes where it stands, and goes."""
        name = f"snf-net-{self.network}"
        self.assertNotIn(name, self.cyclades.cluster.held.networks)
        port = self.attached(net_id=self.network)
        held = self.cyclades.cluster.held.networks[name]
        (link,) = held["groups"].values()
        self.assertTrue(link.startswith("vxlan:"), link)
        options = held["options"]["options"]
        self.assertEqual((options["mtu"], options["node_gateway"]), (1450, False))
        (subnet,) = options["subnets"]
        self.assertEqual((subnet["cidr"], subnet["dns"]), ("10.7.0.0/24", ["9.9.9.9"]))
        self.made("subnet", network_id=self.network, ip_version=6, cidr="fd00::/64")
        self.cyclades.settle()
        cidrs = [one["cidr"] for one in held["options"]["options"]["subnets"]]
        self.assertEqual(cidrs, ["10.7.0.0/24", "fd00::/64"])
        self.detach(port)
        self.cyclades.settle()
        self.assertEqual(self.call("DELETE", f"/networks/{self.network}").status, 204)
        self.cyclades.settle()
        self.assertNotIn(name, self.cyclades.cluster.held.networks)

    def test_as_nova_once_told_networks(self) -> None:
        """Until 2.35."""
        nova = self.cyclades.cloud.nova
        shown = {"id": self.network, "cidr": "None", "label": "own"}
        self.assertIn(shown, nova("GET", "/os-tenant-networks").json["networks"])
        path = f"/os-tenant-networks/{self.network}"
        self.assertEqual(nova("GET", path).json, {"network": shown})
        self.assertEqual(nova("GET", path, user=BOB).status, 404)
        self.assertEqual(nova("GET", path, version="2.36").status, 404)

    def test_of_a_network(self) -> None:
        """The port is the server's: charged with it, and gone when it is detached."""
        before = self.cyclades.cloud.used()["ports"]
        port = self.attached(net_id=self.network, fixed_ips=[{"ip_address": "10.7.0.50"}])
        nic = self.nics()[1]
        self.assertEqual((nic["name"], nic["ip"]), (f"snf-nic-{port}", "10.7.0.50"))
        self.assertEqual((self.port(port)["status"], self.interfaces()[1:]), ("ACTIVE", [port]))
        self.assertEqual(self.cyclades.show(self.server)["addresses"]["own"][0]["addr"], nic["ip"])
        self.assertEqual(self.cyclades.cloud.used()["ports"], before + 1)
        self.assertEqual(self.miscounted(), [])
        self.assertEqual(self.detach(port).status, 202)
        self.assertEqual(self.detach(port).status, 409)
        self.cyclades.settle()
        self.assertEqual(self.call("GET", f"/ports/{port}").status, 404)
        self.assertEqual((len(self.nics()), len(self.interfaces())), (1, 1))
        self.assertEqual((self.cyclades.cloud.used()["ports"], self.miscounted()), (before, []))

    def test_of_a_port(self) -> None:
        """It is as its owner made it, changes in the server, and outlives it."""
        pair = {"ip_address": "10.7.0.99"}
        port = self.made("port", network_id=self.network, allowed_address_pairs=[pair])
        self.attached(port_id=port)
        nic, shown = self.nics()[1], self.port(port)
        self.assertEqual(shown["device_id"], self.server)
        pairs = [{"cidr": "10.7.0.99/32", "mac": shown["mac_address"]}]
        self.assertEqual(nic["port"]["allowed_address_pairs"], pairs)
        fixed = {"fixed_ips": [{"ip_address": ip} for ip in ("10.7.0.60", "10.7.0.61")]}
        self.assertEqual(self.call("PUT", f"/ports/{port}", {"port": fixed}).status, 200)
        self.cyclades.settle()
        nic = self.nics()[1]
        self.assertEqual((nic["ip"], nic["port"]["ips"]), ("10.7.0.60", ["10.7.0.61"]))
        self.assertEqual(self.attach(port_id=port).status, 409)
        self.assertEqual(self.miscounted(), [])
        self.cyclades.cloud.nova("DELETE", f"/servers/{self.server}")
        self.cyclades.settle()
        shown = self.port(port)
        self.assertEqual((shown["device_id"], shown["status"]), ("", "DOWN"))
        self.assertEqual(self.miscounted(), [])

    def test_deleted_while_attached(self) -> None:
        """Who deletes a port takes it out of its server."""
        for port in (self.made("port", network_id=self.network), None):
            wanted = {"port_id": port} if port else {"net_id": self.network}
            port_id = self.attached(**wanted)
            self.assertEqual(self.call("DELETE", f"/ports/{port_id}").status, 204)
            self.cyclades.settle()
            self.assertEqual((len(self.nics()), self.miscounted()), (1, []))

    def test_failure(self) -> None:
        """What the cluster can't do is undone, and told among the server's actions."""
        port = self.made("port", network_id=self.network)
        self.cyclades.cluster.failures["OP_INSTANCE_SET_PARAMS"] = "no room on the bus"
        self.attach(port_id=port)
        self.cyclades.settle()
        shown = self.port(port)
        self.assertEqual((shown["device_id"], shown["status"]), ("", "DOWN"))
        self.assertEqual((len(self.interfaces()), self.miscounted()), (1, []))

    def test_refused(self) -> None:
        """In Nova's words."""
        nowhere = "00000000-0000-4000-8000-000000000000"
        theirs = self.call("POST", "/ports", {"port": {"network_id": NETWORK}}, BOB).json["port"]
        several = "Multiple possible networks found, use a Network ID to be more specific."
        for wanted, status, text in (
            ({}, 400, several),
            ({"net_id": nowhere}, 404, f"Network {nowhere} could not be found."),
            ({"port_id": nowhere}, 404, f"Port id {nowhere} could not be found."),
            ({"port_id": theirs["id"]}, 404, f"Port id {theirs['id']} could not be found."),
            (
                {"port_id": nowhere, "net_id": nowhere},
                400,
                "Must not input both network_id and port_id",
            ),
            (
                {"fixed_ips": [{"ip_address": "10.7.0.9"}]},
                400,
                "Must input network_id when request IP address",
            ),
        ):
            answer = self.attach(**wanted)
            (error,) = answer.json.values()
            self.assertEqual((answer.status, error["message"]), (status, text))
        self.assertEqual(self.detach(nowhere).status, 404)
