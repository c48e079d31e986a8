"""
Networks, subnets and ports, made, changed and deleted by calls.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.quota.rows.verify import reconcile_resources
from synnefo_tx.quota.services import SERVICES
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BOB, NETWORK, READER, SUBNET, Cloud

NAMES = {"networks": "network", "subnets": "subnet", "ports": "port"}


class Networking:
    """
    A cloud spoken to in Neutron's language.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        self.test = test
        self.cloud = Cloud(test)
        with self.cloud.database.engine.begin() as connection:
            reconcile_resources(connection, SERVICES, fix=True)  # what the cloud began with

    def made(self, many: str, user: str = ALICE, **fields: Any) -> dict[str, Any]:
        """
        A new one, a second later than the one before.
        """
        self.cloud.now += 1
        answer = self.cloud.neutron("POST", f"/{many}", {NAMES[many]: fields}, user)
        self.test.assertEqual(answer.status, 201, answer.body)
        found: dict[str, Any] = answer.json[NAMES[many]]
        return found

    def changed(self, many: str, thing_id: str, user: str = ALICE, **fields: Any) -> dict[str, Any]:
        """
        It, as it is then.
        """
        answer = self.cloud.neutron("PUT", f"/{many}/{thing_id}", {NAMES[many]: fields}, user)
        self.test.assertEqual(answer.status, 200, answer.body)
        found: dict[str, Any] = answer.json[NAMES[many]]
        return found

    def refused(
        self, method: str, path: str, body: Any = None, user: str = ALICE
    ) -> tuple[Any, ...]:
        """
        Status, type and message.
        """
        answer = self.cloud.neutron(method, path, body, user)
        self.test.assertGreaterEqual(answer.status, 400, (body, answer.body))
        error = answer.json["NeutronError"]
        return answer.status, error["type"], error["message"]

    def gone(self, many: str, thing_id: str, user: str = ALICE) -> None:
        """
        It is deleted.
        """
        answer = self.cloud.neutron("DELETE", f"/{many}/{thing_id}", user=user)
        self.test.assertEqual((answer.status, answer.body), (204, b""))
        self.test.assertEqual(
            self.cloud.neutron("GET", f"/{many}/{thing_id}", user=user).status, 404
        )

    def miscounted(self) -> list[Any]:
        """
        Holdings that are not what the rows say.
        """
        with self.cloud.database.engine.connect() as connection:
            return list(reconcile_resources(connection, SERVICES))


class NetworkTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.net = Networking(self)

    def test_life(self) -> None:
        """Made with what is said, changed, and gone, with its quota."""
        made = self.net.made("networks", name="n", description="d", mtu=1400, admin_state_up="no")
        self.assertEqual((made["mtu"], made["admin_state_up"], made["subnets"]), (1400, False, []))
        self.assertNotIn("provider:segmentation_id", made)
        self.net.made("subnets", network_id=made["id"], ip_version=4, cidr="10.7.0.0/24")
        changed = self.net.changed("networks", made["id"], name="m")
        self.assertEqual((changed["name"], changed["revision_number"]), ("m", 2))
        self.assertEqual(self.net.miscounted(), [])
        self.net.gone("networks", made["id"])
        self.assertEqual(self.net.miscounted(), [])

    def test_each_has_an_overlay_of_its_own(self) -> None:
        """Which administrators are shown, and may choose."""
        shown = [
            self.net.cloud.neutron(
                "GET", f"/networks/{self.net.made('networks')['id']}", user=ADMIN
            ).json["network"]
            for _ in range(2)
        ]
        segments = {one["provider:segmentation_id"] for one in shown}
        self.assertEqual(({one["provider:network_type"] for one in shown}, len(segments)),
                         ({"vxlan"}, 2))  # fmt: skip
        chosen = {"provider:network_type": "vxlan", "provider:segmentation_id": 77}
        self.net.made("networks", ADMIN, **chosen)
        refused = self.net.refused("POST", "/networks", {"network": chosen}, ADMIN)
        self.assertEqual(refused[:2], (409, "TunnelIdInUse"))
        flat = {"provider:network_type": "flat", "provider:physical_network": "br0"}
        refused = self.net.refused("POST", "/networks", {"network": flat}, ADMIN)
        self.assertEqual(refused[:2], (409, "FlatNetworkInUse"))

    def test_several_at_once(self) -> None:
        """All or none."""
        body = {"networks": [{"name": "a"}, {"name": "b"}]}
        made = self.net.cloud.neutron("POST", "/networks", body)
        self.assertEqual((made.status, [one["name"] for one in made.json["networks"]]),
                         (201, ["a", "b"]))  # fmt: skip
        quota = {"quota": {"network": 3}}
        self.net.cloud.neutron("PUT", "/quotas/project-alice", quota, ADMIN)
        refused = self.net.refused("POST", "/networks", body)
        self.assertEqual(refused, (409, "OverQuota", "Quota exceeded for resources: ['network']."))
        self.assertEqual(self.net.miscounted(), [])

    def test_shared_and_external_ones_are_administrators_affair(self) -> None:
        """They are seen by all; nobody else may make or change them."""
        mine = self.net.made("networks")
        for name in ("shared", "router:external"):
            for method, path in (("POST", "/networks"), ("PUT", f"/networks/{mine['id']}")):
                body = {"network": {name: True}}
                self.assertEqual(self.net.refused(method, path, body)[:2],
                                 (403, "PolicyNotAuthorized"))  # fmt: skip
            theirs = self.net.made("networks", ADMIN, **{name: True})
            seen = self.net.cloud.neutron("GET", f"/networks/{theirs['id']}").json["network"]
            self.assertTrue(seen[name])
            refused = self.net.refused("DELETE", f"/networks/{theirs['id']}")
            self.assertEqual(refused[:2], (403, "PolicyNotAuthorized"))
        self.net.made("ports", BOB, network_id=NETWORK)
        body = {"network": {"shared": False}}
        refused = self.net.refused("PUT", f"/networks/{NETWORK}", body, ADMIN)
        self.assertEqual(refused[:2], (409, "InvalidSharedSetting"))

    def test_in_use(self) -> None:
        """A network with ports stays."""
        network = self.net.made("networks")["id"]
        port = self.net.made("ports", network_id=network)
        self.assertEqual(port["fixed_ips"], [])
        told = "There are one or more ports still in use on the network."
        self.assertEqual(
            self.net.refused("DELETE", f"/networks/{network}"),
            (409, "NetworkInUse", f"Unable to complete operation on network {network}. {told}"),
        )

    def test_revisions(self) -> None:
        """Who says which revision must hold is refused when another does."""
        network = self.net.made("networks")["id"]
        for revision, status in ((1, 200), (1, 412), (2, 200)):
            headers = {"If-Match": f"revision_number={revision}"}
            body = {"network": {"name": f"r{revision}"}}
            answer = self.net.cloud.neutron("PUT", f"/networks/{network}", body, headers=headers)
            self.assertEqual(answer.status, status)
        kind = "RevisionNumberConstraintFailed"
        headers = {"If-Match": "revision_number=1"}
        answer = self.net.cloud.neutron("DELETE", f"/networks/{network}", headers=headers)
        self.assertEqual((answer.status, answer.json["NeutronError"]["type"]), (412, kind))

    def test_tags(self) -> None:
        """Put, asked for, searched by, and taken away."""
        network = self.net.made("networks")["id"]
        base, call = f"/networks/{network}/tags", self.net.cloud.neutron
        self.assertEqual(call("PUT", f"{base}/red").status, 201)
        self.assertEqual(call("PUT", base, {"tags": ["red", "blue"]}).json["tags"], ["blue", "red"])
        for query, count in (
            ("tags=red,blue", 1),
            ("tags=red,green", 0),
            ("tags-any=red,green", 1),
            (f"id={network}&not-tags=red", 0),
            (f"id={network}&not-tags-any=green", 1),
        ):
            self.assertEqual(len(call("GET", f"/networks?{query}").json["networks"]), count, query)
        self.assertEqual(call("DELETE", f"{base}/red").status, 204)
        self.assertEqual(call("GET", f"{base}/red").json["NeutronError"]["type"], "TagNotFound")
        self.assertEqual(call("GET", f"{base}/blue").status, 204)
        self.assertEqual(call("PUT", f"{base}/x", user=READER).status, 403)
        self.assertEqual(call("DELETE", base).status, 204)
        self.assertEqual(call("GET", base).json, {"tags": []})

    def test_for_another_project(self) -> None:
        """Only administrators make things for others."""
        body = {"network": {"tenant_id": "project-bob"}}
        self.assertEqual(self.net.refused("POST", "/networks", body)[:2], (400, "HTTPBadRequest"))
        made = self.net.made("networks", ADMIN, project_id="project-bob")
        self.assertEqual(made["tenant_id"], "project-bob")


class AuditTests(SynchronousTestCase):
    def test_one_line_a_change(self) -> None:
        """What was done to what by whom; none for what was refused."""
        net = Networking(self)
        network = net.made("networks")["id"]
        port = net.made("ports", network_id=network)["id"]
        net.changed("ports", port, name="p")
        net.cloud.neutron("PUT", f"/ports/{port}/tags/t")
        net.refused("DELETE", f"/networks/{network}")
        net.gone("ports", port)
        net.gone("networks", network)
        with net.cloud.database.engine.connect() as connection:
            told = connection.execute(select(audit_log).order_by(audit_log.c.id)).all()
        self.assertEqual(
            [(one.action.removeprefix("network:"), one.target_id, one.user_id) for one in told],
            [
                ("create_network", network, ALICE),
                ("create_port", port, ALICE),
                ("update_port", port, ALICE),
                ("update_port:tags", port, ALICE),
                ("delete_port", port, ALICE),
                ("delete_network", network, ALICE),
            ],
        )


class SubnetTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.net = Networking(self)
        self.network = self.net.made("networks")["id"]

    def subnet(self, **fields: Any) -> dict[str, Any]:
        return self.net.made("subnets", **({"network_id": self.network, "ip_version": 4} | fields))

    def test_usual(self) -> None:
        """The first address is the gateway's, the others are guests'."""
        subnet = self.subnet(cidr="10.1.0.9/24")
        self.assertEqual((subnet["cidr"], subnet["gateway_ip"]), ("10.1.0.0/24", "10.1.0.1"))
        pools = [{"start": "10.1.0.2", "end": "10.1.0.254"}]
        self.assertEqual(subnet["allocation_pools"], pools)
        around = self.subnet(cidr="10.2.0.0/29", gateway_ip="10.2.0.3")["allocation_pools"]
        self.assertEqual(around, [{"start": "10.2.0.1", "end": "10.2.0.2"},
                                  {"start": "10.2.0.4", "end": "10.2.0.6"}])  # fmt: skip
        without = self.subnet(cidr="fd00::/64", ip_version=6, gateway_ip=None)
        self.assertIsNone(without["gateway_ip"])

    def test_refused(self) -> None:
        """In Neutron's words."""
        self.subnet(cidr="10.1.0.0/24")
        wanted = {"network_id": self.network, "ip_version": 4, "cidr": "10.3.0.0/24"}
        overlap = f"Requested subnet with cidr: 10.1.0.0/25 for network: {self.network} overlaps"
        pool = {"start": "10.3.0.5", "end": "10.3.0.9"}
        for fields, status, kind, text in (
            ({"cidr": "10.1.0.0/25"}, 400, "InvalidInput", overlap),
            ({"cidr": "x"}, 400, "HTTPBadRequest", "'x' is not a valid IP subnet"),
            ({"cidr": None}, 400, "BadRequest", "a subnetpool must be specified"),
            ({"ip_version": 5}, 400, "HTTPBadRequest", "'5' is not in [4, 6]"),
            ({"ip_version": 6}, 400, "InvalidInput", "does not match the ip_version '6'"),
            ({"gateway_ip": "10.3.0.255"}, 400, "InvalidInput", "Gateway is not valid on subnet"),
            (
                {"allocation_pools": [pool], "gateway_ip": "10.3.0.6"},
                409,
                "GatewayConflictWithAllocationPools",
                "Gateway ip 10.3.0.6 conflicts with allocation pool 10.3.0.5-10.3.0.9.",
            ),
            (
                {"allocation_pools": [pool, {"start": "10.3.0.9", "end": "10.3.0.12"}]},
                409,
                "OverlappingAllocationPools",
                "Found overlapping allocation pools: 10.3.0.5-10.3.0.9 10.3.0.9-10.3.0.12",
            ),
            (
                {"allocation_pools": [{"start": "10.4.0.5", "end": "10.4.0.9"}]},
                400,
                "OutOfBoundsAllocationPool",
                "spans beyond the subnet cidr 10.3.0.0/24.",
            ),
            (
                {"allocation_pools": [{"start": "10.3.0.9", "end": "10.3.0.5"}]},
                400,
                "InvalidAllocationPool",
                "The allocation pool 10.3.0.9-10.3.0.5 is not valid.",
            ),
            ({"ipv6_ra_mode": "slaac"}, 400, "InvalidInput", "is not valid when ip_version is 4"),
        ):
            found = self.net.refused("POST", "/subnets", {"subnet": wanted | fields})
            self.assertEqual(found[:2], (status, kind), (fields, found))
            self.assertIn(text, found[2])
        theirs = {"subnet": wanted | {"network_id": NETWORK}}
        self.assertEqual(self.net.refused("POST", "/subnets", theirs)[:2],
                         (403, "PolicyNotAuthorized"))  # fmt: skip

    def test_changes(self) -> None:
        """Name servers, routes, gateway and pools."""
        subnet = self.subnet(cidr="10.1.0.0/24")
        routes = [{"destination": "10.9.0.0/16", "nexthop": "10.1.0.7"}]
        pools = [{"start": "10.1.0.50", "end": "10.1.0.60"}]
        fields = {"dns_nameservers": ["9.9.9.9"], "host_routes": routes, "gateway_ip": "10.1.0.2",
                  "allocation_pools": pools, "enable_dhcp": False}  # fmt: skip
        changed = self.net.changed("subnets", subnet["id"], **fields)
        self.assertEqual({name: changed[name] for name in fields}, fields)
        body = {"subnet": {"gateway_ip": "10.1.0.55"}}
        self.assertEqual(self.net.refused("PUT", f"/subnets/{subnet['id']}", body)[0], 409)
        body = {"subnet": {"cidr": "10.0.0.0/8"}}
        self.assertEqual(self.net.refused("PUT", f"/subnets/{subnet['id']}", body)[2],
                         "Cannot update read-only attribute cidr")  # fmt: skip

    def test_in_use(self) -> None:
        """With addresses given it stays; those that guests made themselves go with it."""
        subnet = self.subnet(cidr="10.1.0.0/24")
        port = self.net.made("ports", network_id=self.network)
        refused = self.net.refused("DELETE", f"/subnets/{subnet['id']}")
        self.assertEqual(refused[:2], (409, "SubnetInUse"))
        mode = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
        six = self.subnet(cidr="fd00::/64", ip_version=6, **mode)
        shown = self.net.cloud.neutron("GET", f"/ports/{port['id']}").json["port"]
        self.assertEqual(len(shown["fixed_ips"]), 2)
        self.net.gone("subnets", six["id"])
        shown = self.net.cloud.neutron("GET", f"/ports/{port['id']}").json["port"]
        self.assertEqual(shown["fixed_ips"], port["fixed_ips"])
        self.net.gone("ports", port["id"])
        self.net.gone("subnets", subnet["id"])
        self.assertEqual(self.net.miscounted(), [])


class PortTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.net = Networking(self)
        self.network = self.net.made("networks")["id"]
        self.subnets = [
            self.net.made("subnets", network_id=self.network, ip_version=4, cidr=f"10.{n}.0.0/24")
            for n in (1, 2)
        ]

    def port(self, **fields: Any) -> dict[str, Any]:
        return self.net.made("ports", **({"network_id": self.network} | fields))

    def test_addresses(self) -> None:
        """One of each version, or those asked for; kept as far as they will do."""
        first, second = ({"subnet_id": one["id"]} for one in self.subnets)
        port = self.port()
        self.assertEqual(port["fixed_ips"], [first | {"ip_address": "10.1.0.2"}])
        port = self.port(fixed_ips=[first, second | {"ip_address": "10.2.0.77"}, first])
        given = [one["ip_address"] for one in port["fixed_ips"]]
        self.assertEqual(given, ["10.1.0.3", "10.2.0.77", "10.1.0.4"])
        changed = self.net.changed("ports", port["id"], fixed_ips=[second])
        self.assertEqual(changed["fixed_ips"], [second | {"ip_address": "10.2.0.77"}])
        changed = self.net.changed("ports", port["id"], fixed_ips=[second, first])
        self.assertEqual([one["ip_address"] for one in changed["fixed_ips"]],
                         ["10.2.0.77", "10.1.0.3"])  # fmt: skip
        self.assertEqual(self.net.changed("ports", port["id"], fixed_ips=[])["fixed_ips"], [])

    def test_made_by_guests(self) -> None:
        """Where guests make their own addresses, those are known beforehand."""
        mode = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
        six = self.net.made(
            "subnets", network_id=self.network, ip_version=6, cidr="fd00:7::/64", **mode
        )
        port = self.port(mac_address="fa:16:3e:00:00:01")
        expected = {"subnet_id": six["id"], "ip_address": "fd00:7::f816:3eff:fe00:1"}
        self.assertEqual(port["fixed_ips"][1], expected)

    def test_refused(self) -> None:
        """In Neutron's words."""
        mac = self.port()["mac_address"]
        wanted = {"network_id": self.network}
        for fields, status, kind in (
            ({"mac_address": mac}, 409, "MacAddressInUse"),
            ({"mac_address": "01:00:00:00:00:01"}, 400, "HTTPBadRequest"),
            ({"fixed_ips": [{"subnet_id": SUBNET}]}, 400, "InvalidInput"),
            ({"fixed_ips": [{"ip_address": "10.9.0.1"}]}, 400, "InvalidIpForNetwork"),
            ({"fixed_ips": [{"ip_address": "10.1.0.2"}]}, 409, "IpAddressInUse"),
            ({"fixed_ips": [{"ip_address": "10.1.0.1"}]}, 409, "IpAddressInUse"),
            (
                {"fixed_ips": [{"ip_address": "10.1.0.9", "subnet_id": self.subnets[1]["id"]}]},
                400,
                "InvalidIpForSubnet",
            ),
            ({"device_owner": "network:dhcp"}, 403, "PolicyNotAuthorized"),
            ({"binding:host_id": "h"}, 403, "PolicyNotAuthorized"),
            ({"network_id": "00000000-0000-4000-8000-000000000000"}, 404, "NetworkNotFound"),
            ({"network_id": "x"}, 400, "HTTPBadRequest"),
            (
                {
                    "port_security_enabled": False,
                    "allowed_address_pairs": [{"ip_address": "10.0.0.1"}],
                },
                409,
                "AddressPairAndPortSecurityRequired",
            ),
        ):
            found = self.net.refused("POST", "/ports", {"port": wanted | fields})
            self.assertEqual(found[:2], (status, kind), (fields, found))

    def test_on_shared_networks(self) -> None:
        """Others' ports there are as their owner says."""
        for fields in (
            {"fixed_ips": [{"ip_address": "10.0.0.9"}]},
            {"mac_address": "fa:16:3e:00:00:02"},
            {"allowed_address_pairs": [{"ip_address": "10.0.0.1"}]},
        ):
            found = self.net.refused("POST", "/ports", {"port": {"network_id": NETWORK, **fields}})
            self.assertEqual(found[:2], (403, "PolicyNotAuthorized"), fields)
        self.port(network_id=NETWORK, fixed_ips=[{"subnet_id": SUBNET}])

    def test_quota(self) -> None:
        """A port of nobody's server is its project's; it returns."""
        port = self.port()
        self.assertEqual(self.net.miscounted(), [])
        self.net.gone("ports", port["id"])
        self.assertEqual(self.net.miscounted(), [])


class OthersTests(SynchronousTestCase):
    """
    What a member may not do by a port on a network that another project shares.
    """

    def setUp(self) -> None:
        self.net = Networking(self)
        self.server = self.net.cloud.active(networks=[{"uuid": NETWORK}])

    def test_its_guards_stay(self) -> None:
        """Only whose network it is lets somebody send what he likes."""
        mine = self.net.made("ports", BOB, network_id=NETWORK)
        for method, path, more in (
            ("POST", "/ports", {"network_id": NETWORK}),
            ("PUT", f"/ports/{mine['id']}", {}),
        ):
            body = {"port": {"port_security_enabled": False, **more}}
            refused = self.net.refused(method, path, body, BOB)
            self.assertEqual(refused[:2], (403, "PolicyNotAuthorized"))

    def test_nobody_says_that_a_server_has_it(self) -> None:
        """But the compute service: it would be told to plug and unplug."""
        mine = self.net.made("ports", BOB, network_id=NETWORK)
        device = {"device_id": self.server, "device_owner": "compute:x"}
        for user in (BOB, ALICE):
            body = {"port": {"network_id": NETWORK, **device}}
            refused = self.net.refused("POST", "/ports", body, user)
            self.assertEqual(refused[:2], (403, "PolicyNotAuthorized"))
        refused = self.net.refused("PUT", f"/ports/{mine['id']}", {"port": device}, BOB)
        self.assertEqual(refused[:2], (403, "PolicyNotAuthorized"))

    def test_nor_that_it_has_not(self) -> None:
        """The address would be free while the guest still has it, and nothing charged."""
        (port,) = self.net.cloud.neutron("GET", f"/ports?device_id={self.server}").json["ports"]
        for said in ({"device_id": ""}, {"device_owner": "mine"}, {"device_id": "other"}):
            refused = self.net.refused("PUT", f"/ports/{port['id']}", {"port": said})
            self.assertEqual(refused[:2], (409, "PortInUse"))
        same = {"device_id": self.server, "name": "n"}
        self.assertEqual(self.net.changed("ports", port["id"], **same)["name"], "n")
        self.assertEqual(self.net.miscounted(), [])
