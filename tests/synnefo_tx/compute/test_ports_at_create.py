"""
Servers that are made with ports that there are, from the call to what the cluster has.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.quota.rows.verify import reconcile_resources
from synnefo_tx.quota.services import SERVICES
from tests.synnefo_tx.compute.cloud import NETWORK, asked
from tests.synnefo_tx.cyclades import Cyclades


class PortsAtCreateTests(SynchronousTestCase):
    """
    A network of the project's own, with one subnet.
    """

    def setUp(self) -> None:
        self.cyclades = Cyclades(self)
        self.cloud = self.cyclades.cloud
        with self.cloud.database.engine.begin() as connection:
            reconcile_resources(connection, SERVICES, fix=True)  # what the cloud began with
        self.network = self.made("network", name="own")
        self.made("subnet", network_id=self.network, ip_version=4, cidr="10.7.0.0/24")

    def made(self, member: str, **fields: Any) -> str:
        answer = self.cloud.neutron("POST", f"/{member}s", {member: fields})
        self.assertEqual(answer.status, 201, answer.body)
        return str(answer.json[member]["id"])

    def port(self, port_id: str) -> Any:
        return self.cloud.neutron("GET", f"/ports/{port_id}").json["port"]

    def nics(self, server_id: str) -> list[dict[str, Any]]:
        held = self.cyclades.cluster.held.instances[f"snf-{server_id}"]["nics"]
        return [dict(nic) for nic in held]

    def test_given(self) -> None:
        """In the order asked for; each keeps its address and is free when the server is gone."""
        port_id = self.made(
            "port", network_id=self.network, fixed_ips=[{"ip_address": "10.7.0.77"}]
        )
        server = self.cyclades.running(networks=[{"uuid": NETWORK}, {"port": port_id}])
        first, second = self.nics(server)
        self.assertEqual(first["network"], f"snf-net-{NETWORK}")
        self.assertEqual((second["name"], second["ip"]), (f"snf-nic-{port_id}", "10.7.0.77"))
        port = self.port(port_id)
        self.assertEqual((port["device_id"], port["device_owner"]), (server, "compute:nova"))
        self.assertEqual(port["status"], "ACTIVE")
        shown = self.cyclades.show(server)["addresses"]
        self.assertEqual(shown["own"][0]["addr"], "10.7.0.77")
        self.assertEqual(self.drift(), [])
        self.cloud.nova("DELETE", f"/servers/{server}")
        self.cyclades.settle()
        self.assertEqual(
            (self.port(port_id)["device_id"], self.port(port_id)["status"]), ("", "DOWN")
        )
        self.assertEqual(self.drift(), [])

    def drift(self) -> Any:
        with self.cloud.database.engine.begin() as connection:
            return reconcile_resources(connection, SERVICES, fix=False)

    def test_all_that_it_has(self) -> None:
        """Its further addresses and address pairs are in the server, too."""
        port_id = self.made(
            "port",
            network_id=self.network,
            fixed_ips=[{"ip_address": "10.7.0.8"}, {"ip_address": "10.7.0.9"}],
            allowed_address_pairs=[{"ip_address": "10.9.0.0/24"}],
        )
        server = self.cyclades.running(networks=[{"port": port_id}])
        [nic] = self.nics(server)
        self.assertEqual((nic["ip"], nic["port"]["ips"]), ("10.7.0.8", ["10.7.0.9"]))
        self.assertEqual(nic["port"]["allowed_address_pairs"][0]["cidr"], "10.9.0.0/24")

    def test_made_but_for_its_port(self) -> None:
        """A guest that is there is in error, but keeps what it holds: it is paid for."""
        both = [{"ip_address": "10.7.0.8"}, {"ip_address": "10.7.0.9"}]
        port_id = self.made("port", network_id=self.network, fixed_ips=both)
        server = self.cloud.create(networks=[{"port": port_id}])
        held = self.cloud.used()
        self.cyclades.cluster.failures["OP_INSTANCE_SET_PARAMS"] = "no such address"
        self.cyclades.settle()
        self.assertEqual(self.cyclades.show(server)["status"], "ERROR")
        self.assertEqual((self.cloud.used(), self.drift()), (held, []))
        self.cloud.nova("DELETE", f"/servers/{server}")
        self.cyclades.settle()
        self.assertEqual((self.cloud.used(), self.drift()), ({"ports": 1}, []))

    def test_refused(self) -> None:
        """Twice in one server, for several servers, and without an address."""
        port_id = self.made("port", network_id=self.network)
        bare = self.made("port", network_id=self.network, fixed_ips=[])
        for networks, more, status, text in (
            ([port_id, port_id], {}, 409, f"Port {port_id} is still in use."),
            ([port_id], {"min_count": 2}, 400, "with a single configured port ID"),
            ([bare], {}, 400, f"Port {bare} requires a FixedIP in order to be used."),
        ):
            wanted = asked(networks=[{"port": one} for one in networks], **more)
            answer = self.cloud.nova("POST", "/servers", {"server": wanted})
            self.assertEqual(answer.status, status, answer.body)
            [fault] = answer.json.values()
            self.assertIn(text, fault["message"])
        self.assertEqual(self.port(port_id)["device_id"], "")
        self.assertEqual(self.cloud.nova("GET", "/servers").json["servers"], [])
