"""
The network API: lists, single ones, discovery and refusals.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.network.permissions import PERMISSIONS
from tests.synnefo_tx.compute.cloud import (
    ADMIN,
    ALICE,
    BOB,
    IMAGE,
    NETWORK,
    SUBNET,
    Cloud,
    add_network,
    some_id,
)

HERE = "http://cloud/network"


class DiscoveryTests(SynchronousTestCase):
    """
    What the API says of itself.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def test_versions_need_no_token(self) -> None:
        """The root lists v2.0."""
        self.assertEqual(
            self.cloud.call("GET", "/network/", user=None).json,
            {
                "versions": [
                    {
                        "id": "v2.0",
                        "status": "CURRENT",
                        "links": [{"rel": "self", "href": f"{HERE}/v2.0/"}],
                    }
                ]
            },
        )

    def test_resources_need_a_token(self) -> None:
        """And the slash, as Neutron's do."""
        for path in ("", "/", "/networks"):
            answer = self.cloud.neutron("GET", path, user=None)
            self.assertEqual(answer.status, 401)
            self.assertEqual(answer.json["error"]["code"], 401)
        listed = self.cloud.neutron("GET", "/").json["resources"]
        self.assertEqual([item["collection"] for item in listed], ["networks", "subnets", "ports"])
        self.assertEqual(self.cloud.neutron("GET", "").status, 404)

    def test_unrouted(self) -> None:
        """What does not exist is told in Neutron's form."""
        for path in ("/nope", "/metering/metering-labels", "/lbaas/pools"):
            answer = self.cloud.neutron("GET", path)
            self.assertEqual(answer.status, 404)
            self.assertEqual(
                answer.json,
                {
                    "NeutronError": {
                        "type": "HTTPNotFound",
                        "message": "The resource could not be found.",
                        "detail": "",
                    }
                },
            )

    def test_extensions(self) -> None:
        """Each is found by its alias; what we don't have is not claimed."""
        listed = self.cloud.neutron("GET", "/extensions").json["extensions"]
        for extension in listed:
            path = f"/extensions/{extension['alias']}"
            self.assertEqual(self.cloud.neutron("GET", path).json, {"extension": extension})
        aliases = {extension["alias"] for extension in listed}
        self.assertFalse(aliases & {"metering", "dvr", "lbaas"})
        self.assertEqual(self.cloud.neutron("GET", "/extensions/metering").status, 404)

    def test_every_route_has_its_permission(self) -> None:
        """The table and the routes name the same permissions."""
        _, network, _ = self.cloud._routers()
        self.assertEqual(network.permissions(), set(PERMISSIONS))

    def test_quotas(self) -> None:
        """Limits, and what is used; another project's for administrators."""
        self.cloud.create()
        own = "/quotas/project-alice"
        quota = self.cloud.neutron("GET", own).json["quota"]
        self.assertEqual((quota["network"], quota["subnetpool"], quota["port"]), (100, -1, 500))
        details = self.cloud.neutron("GET", f"{own}/details.json").json["quota"]
        self.assertEqual(details["port"], {"limit": 500, "used": 1, "reserved": 0})
        refused = self.cloud.neutron("GET", own, user=BOB)
        self.assertEqual(
            (refused.status, refused.json["NeutronError"]["type"]), (403, "PolicyNotAuthorized")
        )
        self.assertEqual(self.cloud.neutron("GET", own, user=ADMIN).status, 200)

    def test_quotas_are_changed_by_administrators(self) -> None:
        """They hold at once, are listed, and go again."""
        own, body = "/quotas/project-alice", {"quota": {"port": 3, "router": "-1"}}
        usual = self.cloud.neutron("GET", f"{own}/default").json
        changed = self.cloud.neutron("PUT", own, body, user=ADMIN)
        self.assertEqual(changed.json["quota"], usual["quota"] | {"port": 3, "router": -1})
        self.assertEqual(self.cloud.neutron("GET", own).json, changed.json)
        names = {"tenant_id": "project-alice", "project_id": "project-alice"}
        self.assertEqual(
            self.cloud.neutron("GET", "/quotas", user=ADMIN).json,
            {"quotas": [changed.json["quota"] | names]},
        )
        self.cloud.create(min_count=2)
        details = self.cloud.neutron("GET", f"{own}/details").json["quota"]
        self.assertEqual(details["port"], {"limit": 3, "used": 2, "reserved": 0})
        refused = self.cloud.nova(
            "POST",
            "/servers",
            {"server": {"name": "w", "flavorRef": "1", "imageRef": IMAGE, "min_count": 2}},
        )
        self.assertEqual(
            refused.json["forbidden"]["message"],
            "Quota exceeded for ports: Requested 2, but already used 2 of 3 ports",
        )
        gone = self.cloud.neutron("DELETE", own, user=ADMIN)
        self.assertEqual((gone.status, gone.body), (204, b""))
        self.assertEqual(self.cloud.neutron("GET", own).json, usual)
        self.assertEqual(self.cloud.neutron("GET", "/quotas", user=ADMIN).json, {"quotas": []})

    def test_quotas_refused(self) -> None:
        """Of users, and of what is no limit."""
        own = "/quotas/project-alice"
        for method, path, action in (
            ("PUT", own, "update_quota"),
            ("DELETE", own, "delete_quota"),
            ("GET", "/quotas", "get_quota"),
        ):
            refused = self.cloud.neutron(method, path, {"quota": {}} if method == "PUT" else None)
            error = refused.json["NeutronError"]
            self.assertEqual(
                (refused.status, error["message"]), (403, f"rule:{action} is disallowed by policy")
            )
        self.cloud.create()
        low = "must be greater than or equal to already used 1"
        for body, message in (
            ({}, "Unable to find 'quota' in request body"),
            ({"quota": {"pot": 1}}, "Unrecognized attribute(s) 'pot'"),
            ({"quota": {"port": "x"}}, "Invalid input for operation: 'x' is not an integer."),
            (
                {"quota": {"port": -2}},
                "Invalid input for port. Reason: '-2' is too small - must be at least '-1'.",
            ),
            (
                {"quota": {"port": 2**31}},
                (
                    f"Invalid input for port. Reason: '{2**31}' is too large - must be no larger "
                    f"than '{2**31 - 1}'."
                ),
            ),
            ({"quota": {"port": 0, "check_limit": True}}, f"Quota limit 0 for port {low}"),
        ):
            refused = self.cloud.neutron("PUT", own, body, user=ADMIN)
            self.assertEqual(
                (refused.status, refused.json["NeutronError"]["message"]), (400, message)
            )
        kept = self.cloud.neutron("PUT", own, {"quota": {"port": 0}}, user=ADMIN)
        self.assertEqual(kept.json["quota"]["port"], 0)

    def test_zones(self) -> None:
        """The one that there is, of networks and of routers."""
        zones = self.cloud.neutron("GET", "/availability_zones").json["availability_zones"]
        named = [(one["name"], one["resource"], one["state"]) for one in zones]
        self.assertEqual(named, [("nova", "network", "available"), ("nova", "router", "available")])

    def test_agents_and_providers(self) -> None:
        """Administrators are told of no agents; everybody who routes."""
        self.assertEqual(self.cloud.neutron("GET", "/agents", user=ADMIN).json, {"agents": []})
        self.assertEqual(self.cloud.neutron("GET", "/agents").status, 403)
        (provider,) = self.cloud.neutron("GET", "/service-providers").json["service_providers"]
        self.assertEqual(provider["service_type"], "L3_ROUTER_NAT")

    def test_how_many_addresses(self) -> None:
        """Of a network's pools, and taken; for administrators."""
        self.cloud.create()
        path = f"/network-ip-availabilities/{NETWORK}"
        self.assertEqual(self.cloud.neutron("GET", path).status, 403)
        one = self.cloud.neutron("GET", path, user=ADMIN).json["network_ip_availability"]
        self.assertEqual((one["total_ips"], one["used_ips"]), (253, 1))
        for query, count in (
            ("", 1),
            ("?ip_version=4", 1),
            ("?ip_version=6", 0),
            ("?network_id=x", 0),
        ):
            found = self.cloud.neutron("GET", f"/network-ip-availabilities{query}", user=ADMIN).json
            self.assertEqual(len(found["network_ip_availabilities"]), count, query)


class ResourceTests(SynchronousTestCase):
    """
    A shared network and one of BOB's, with a server of each user.
    """

    maxDiff = None

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.bobs, self.bobs_subnet = some_id(), some_id()
        with self.cloud.database.engine.begin() as connection:
            add_network(
                connection, self.bobs, self.bobs_subnet, "bobs", "project-bob", "10.1.0", False
            )
        wanted = [{"uuid": NETWORK}]
        self.server = self.cloud.create(networks=wanted)
        self.other = self.cloud.create(user=BOB, networks=[*wanted, {"uuid": self.bobs}])

    def _found(self, path: str, user: str = ALICE) -> list[Any]:
        answer = self.cloud.neutron("GET", path, user=user)
        self.assertEqual(answer.status, 200, answer.body)
        (name,) = (key for key in answer.json if not key.endswith("_links"))
        return list(answer.json[name])

    def test_network(self) -> None:
        """Every field."""
        self.assertEqual(
            self.cloud.neutron("GET", f"/networks/{NETWORK}").json,
            {
                "network": {
                    "id": NETWORK,
                    "name": "default",
                    "description": "",
                    "tags": [],
                    "revision_number": 1,
                    "availability_zone_hints": [],
                    "availability_zones": ["nova"],
                    "ipv4_address_scope": None,
                    "ipv6_address_scope": None,
                    "port_security_enabled": True,
                    "tenant_id": "project-root",
                    "project_id": "project-root",
                    "admin_state_up": True,
                    "mtu": 1450,
                    "status": "ACTIVE",
                    "subnets": [SUBNET],
                    "shared": True,
                    "router:external": False,
                    "created_at": "2025-11-23T01:29:53Z",
                    "updated_at": "2025-11-23T01:29:53Z",
                }
            },
        )

    def test_subnet(self) -> None:
        """Every field."""
        self.assertEqual(
            self.cloud.neutron("GET", f"/subnets/{SUBNET}").json,
            {
                "subnet": {
                    "id": SUBNET,
                    "name": "default-subnet",
                    "description": "",
                    "tags": [],
                    "revision_number": 1,
                    "service_types": [],
                    "subnetpool_id": None,
                    "tenant_id": "project-root",
                    "project_id": "project-root",
                    "network_id": NETWORK,
                    "ip_version": 4,
                    "enable_dhcp": True,
                    "ipv6_ra_mode": None,
                    "ipv6_address_mode": None,
                    "gateway_ip": "10.0.0.1",
                    "cidr": "10.0.0.0/24",
                    "allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.254"}],
                    "host_routes": [],
                    "dns_nameservers": ["9.9.9.9"],
                    "created_at": "2025-11-23T01:29:53Z",
                    "updated_at": "2025-11-23T01:29:53Z",
                }
            },
        )

    def test_port(self) -> None:
        """Every field."""
        (port,) = self._found("/ports")
        (group,) = self._found("/security-groups")
        self.assertEqual(
            port,
            {
                "id": port["id"],
                "name": "",
                "description": "",
                "tags": [],
                "revision_number": 1,
                "port_security_enabled": True,
                "security_groups": [group["id"]],
                "allowed_address_pairs": [],
                "extra_dhcp_opts": [],
                "binding:vnic_type": "normal",
                "network_id": NETWORK,
                "tenant_id": "project-alice",
                "project_id": "project-alice",
                "mac_address": port["mac_address"],
                "admin_state_up": True,
                "status": "DOWN",
                "device_id": self.server,
                "device_owner": "compute:nova",
                "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.0.0.2"}],
                "created_at": "2025-11-23T01:29:53Z",
                "updated_at": "2025-11-23T01:29:53Z",
            },
        )
        self.assertEqual(self.cloud.neutron("GET", f"/ports/{port['id']}").json, {"port": port})

    def test_who_sees_what(self) -> None:
        """Own and shared ones; a network's owner sees all ports on it; administrators see all."""
        for path, counts in (
            ("/networks", {ALICE: 1, BOB: 2, ADMIN: 2}),
            ("/subnets", {ALICE: 1, BOB: 2, ADMIN: 2}),
            ("/ports", {ALICE: 1, BOB: 2, ADMIN: 3}),
            (f"/ports?device_id={self.server}", {ALICE: 1, BOB: 0, ADMIN: 1}),
        ):
            for user, count in counts.items():
                self.assertEqual(len(self._found(path, user)), count, (path, user))

    def test_not_there(self) -> None:
        """Unknown and foreign ones are told alike."""
        (port,) = self._found(f"/ports?network_id={self.bobs}", BOB)
        for path, kind, found in (
            (f"/networks/{self.bobs}", "NetworkNotFound", f"Network {self.bobs}"),
            (f"/subnets/{self.bobs_subnet}", "SubnetNotFound", f"Subnet {self.bobs_subnet}"),
            (f"/ports/{port['id']}", "PortNotFound", f"Port {port['id']}"),
            ("/networks/nope", "NetworkNotFound", "Network nope"),
        ):
            answer = self.cloud.neutron("GET", path)
            self.assertEqual(answer.status, 404)
            self.assertEqual(
                answer.json,
                {
                    "NeutronError": {
                        "type": kind,
                        "message": f"{found} could not be found.",
                        "detail": "",
                    }
                },
            )

    def test_filters(self) -> None:
        """Attributes, repeated ones, addresses, and those that are the same for all."""
        for path, count in (
            ("/networks?name=default", 1),
            ("/networks?name=default&name=bobs", 2),
            ("/networks?name=nope", 0),
            ("/networks?shared=True", 1),
            ("/networks?shared=false", 1),
            ("/networks?router:external=True", 0),
            ("/networks?status=ACTIVE&admin_state_up=True", 2),
            (f"/networks?subnets={SUBNET}", 1),
            ("/networks?mtu=1450", 2),
            ("/networks?mtu=-1", 0),
            ("/networks?mtu=99999999999999999999", 0),
            ("/networks?what_is_this=1", 2),
            ("/subnets?cidr=10.1.0.0/24", 1),
            ("/subnets?ip_version=6", 0),
            (f"/subnets?network_id={NETWORK}", 1),
            ("/ports?fixed_ips=ip_address%3D10.0.0.3", 1),
            (f"/ports?fixed_ips=ip_address%3D10.0.0.3&fixed_ips=subnet_id%3D{SUBNET}", 1),
            (f"/ports?fixed_ips=ip_address%3D10.0.0.3&fixed_ips=subnet_id%3D{some_id()}", 0),
            (f"/ports?device_id={self.other}", 2),
            ("/ports?device_owner=compute:nova&status=DOWN", 3),
            ("/ports?tenant_id=project-bob", 2),
        ):
            self.assertEqual(len(self._found(path, ADMIN)), count, path)

    def test_filters_of_the_wrong_kind(self) -> None:
        """Refused as Neutron does, each value named."""
        for path, reason in (
            ("/networks?shared=zz", "'zz' cannot be converted to boolean"),
            (
                "/networks?admin_state_up=True&admin_state_up=t",
                "'t' cannot be converted to boolean",
            ),
            ("/networks?router:external=2", "'2' cannot be converted to boolean"),
            ("/subnets?enable_dhcp=zz", "'zz' cannot be converted to boolean"),
            ("/networks?mtu=x", "'x' is not an integer"),
            ("/subnets?ip_version=%C2%B2", "'²' is not an integer"),
            ("/ports?fixed_ips=zz", "'zz' is not of the form <key>=[value]"),
            ("/ports?fixed_ips=%3Dzz", "'=zz' is not of the form <key>=[value]"),
        ):
            answer = self.cloud.neutron("GET", path)
            self.assertEqual(answer.status, 400, path)
            self.assertEqual(
                answer.json["NeutronError"],
                {
                    "type": "InvalidInput",
                    "message": f"Invalid input for operation: {reason}.",
                    "detail": "",
                },
            )

    def test_fields(self) -> None:
        """Only what is asked for, with and without .json."""
        for suffix in ("", ".json"):
            self.assertEqual(
                self.cloud.neutron("GET", f"/networks{suffix}?fields=id&fields=name").json,
                {"networks": [{"id": NETWORK, "name": "default"}]},
            )
        self.assertEqual(
            self.cloud.neutron("GET", f"/networks/{NETWORK}?fields=name").json,
            {"network": {"name": "default"}},
        )

    def test_order(self) -> None:
        """By several keys, each in its direction."""
        names = [
            network["name"]
            for network in self._found("/networks?sort_key=name&sort_dir=desc", ADMIN)
        ]
        self.assertEqual(names, ["default", "bobs"])

    def test_pages(self) -> None:
        """Forward by "next" and back by "previous", each port once."""
        path = "/network/v2.0/ports?limit=1&sort_key=mac_address&sort_dir=asc"
        forward, backward = [], []
        while path:
            body = self.cloud.call("GET", path, user=ADMIN).json
            forward += [port["id"] for port in body["ports"]]
            path = _link(body, "next")
        self.assertEqual(len(set(forward)), 3)
        path = _link(body, "previous") + f"&marker={forward[-1]}"
        while path:
            body = self.cloud.call("GET", path, user=ADMIN).json
            backward += [port["id"] for port in body["ports"]]
            path = _link(body, "previous")
        self.assertEqual(backward, forward[1::-1])

    def test_links(self) -> None:
        """As Neutron writes them, on a full page and on an empty one."""
        url = f"{HERE}/v2.0/networks?limit=1&marker={NETWORK}"
        self.assertEqual(
            self.cloud.neutron("GET", "/networks?limit=1").json["networks_links"],
            [
                {"rel": "next", "href": url},
                {"rel": "previous", "href": f"{url}&page_reverse=True"},
            ],
        )
        self.assertEqual(
            self.cloud.neutron("GET", "/ports?limit=1&name=nope").json,
            {
                "ports": [],
                "ports_links": [
                    {
                        "rel": "previous",
                        "href": f"{HERE}/v2.0/ports?limit=1&name=nope&page_reverse=True",
                    }
                ],
            },
        )

    def test_wrong_queries(self) -> None:
        """Refused in Neutron's words."""
        for query, status, kind, text in (
            (
                "limit=abc",
                400,
                "BadRequest",
                "Bad limit request: Limit must be an integer 0 or greater and not 'abc'.",
            ),
            (
                "limit=-1",
                400,
                "BadRequest",
                "Bad limit request: Limit must be an integer 0 or greater and not '-1'.",
            ),
            (
                "sort_key=nope&sort_dir=asc",
                400,
                "HTTPBadRequest",
                "['nope'] is invalid attribute for sort_keys",
            ),
            (
                "sort_key=name",
                400,
                "HTTPBadRequest",
                "The number of sort_keys and sort_dirs must be same",
            ),
            (
                "sort_key=name&sort_dir=up",
                400,
                "HTTPBadRequest",
                "['up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'",
            ),
            (
                "limit=1&marker=nope",
                404,
                "NetworkNotFound",
                "Network nope could not be found.",
            ),
        ):
            answer = self.cloud.neutron("GET", f"/networks?{query}")
            self.assertEqual(
                (answer.status, answer.json),
                (status, {"NeutronError": {"type": kind, "message": text, "detail": ""}}),
            )

    def test_changes_refused(self) -> None:
        """Bodies are checked first, then the caller is refused."""
        for method, path, body, status, kind, text in (
            (
                "POST",
                "/networks",
                {"network": {"bad": 1}},
                400,
                "HTTPBadRequest",
                "Unrecognized attribute(s) 'bad'",
            ),
            (
                "POST",
                "/networks",
                {"nope": {}},
                400,
                "HTTPBadRequest",
                "Unable to find 'network' in request body",
            ),
            (
                "POST",
                "/networks",
                {"network": {"name": "n", "shared": True}},
                403,
                "PolicyNotAuthorized",
                "(rule:create_network and rule:create_network:shared) is disallowed by policy",
            ),
            (
                "PUT",
                f"/networks/{NETWORK}",
                {"network": {"name": "n"}},
                403,
                "PolicyNotAuthorized",
                "rule:update_network is disallowed by policy",
            ),
            (
                "DELETE",
                f"/subnets/{SUBNET}",
                None,
                403,
                "PolicyNotAuthorized",
                "rule:delete_subnet is disallowed by policy",
            ),
            (
                "DELETE",
                f"/networks/{self.bobs}",
                None,
                404,
                "NetworkNotFound",
                f"Network {self.bobs} could not be found.",
            ),
            (
                "PUT",
                "/networks",
                None,
                404,
                "NetworkNotFound",
                "Network None could not be found.",
            ),
        ):
            answer = self.cloud.neutron(method, path, body)
            self.assertEqual(
                (answer.status, answer.json),
                (status, {"NeutronError": {"type": kind, "message": text, "detail": ""}}),
                (method, path),
            )


def _link(body: dict[str, Any], rel: str) -> str:
    for link in body.get("ports_links", ()):
        if link["rel"] == rel:
            parts = urlsplit(link["href"])
            return f"{parts.path}?{parts.query}"
    return ""
