"""
Security groups and their rules, from the call to what the cluster has.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.quota.rows.verify import reconcile_resources
from synnefo_tx.quota.services import SERVICES
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BOB, NETWORK, asked
from tests.synnefo_tx.cyclades import Cyclades

NOTHING = "00000000-0000-4000-8000-000000000000"
PATHS = {
    "security_group": "/security-groups",
    "security_group_rule": "/security-group-rules",
    "port": "/ports",
    "network": "/networks",
    "subnet": "/subnets",
}


class GroupTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cyclades = Cyclades(self)
        with self.cyclades.cloud.database.engine.begin() as connection:
            reconcile_resources(connection, SERVICES, fix=True)  # what the cloud began with
        self.call = self.cyclades.cloud.neutron

    def made(self, member: str, user: str = ALICE, **fields: Any) -> dict[str, Any]:
        answer = self.call("POST", PATHS[member], {member: fields}, user)
        self.assertEqual(answer.status, 201, answer.body)
        found: dict[str, Any] = answer.json[member]
        return found

    def rule(self, group_id: str, **fields: Any) -> dict[str, Any]:
        usual = {"security_group_id": group_id, "direction": "ingress"}
        return self.made("security_group_rule", **usual, **fields)

    def refused(self, method: str, path: str, body: Any = None, user: str = ALICE) -> Any:
        answer = self.call(method, path, body, user)
        self.assertGreaterEqual(answer.status, 400, (body, answer.body))
        error = answer.json["NeutronError"]
        return answer.status, error["type"], error["message"]

    def refused_rule(self, group_id: str, **fields: Any) -> Any:
        usual = {"security_group_id": group_id, "direction": "ingress"}
        return self.refused("POST", PATHS["security_group_rule"],
                            {"security_group_rule": usual | fields})  # fmt: skip

    def default(self, user: str = ALICE) -> dict[str, Any]:
        found = self.call("GET", "/security-groups?name=default", user=user).json
        (group,) = (
            one for one in found["security_groups"] if one["project_id"] == f"project-{user}"
        )
        shown: dict[str, Any] = group
        return shown

    def held(self) -> dict[str, list[tuple[Any, ...]]]:
        """What the cluster has: name -> rules."""
        groups = self.cyclades.cluster.held.security_groups
        return {
            name: [
                (one["direction"], one["ethertype"], one["protocol"], one["port_min"],
                 one["remote"] or one["remote_group"])
                for one in group.get("rules", ())
            ]
            for name, group in groups.items()
        }  # fmt: skip

    def miscounted(self) -> list[Any]:
        with self.cyclades.cloud.database.engine.connect() as connection:
            return list(reconcile_resources(connection, SERVICES))

    def test_each_project_has_a_default_group(self) -> None:
        """Once, from its first look on, with Neutron's rules."""
        group = self.default()
        self.assertEqual(self.default()["id"], group["id"])
        said = sorted(
            (one["direction"], one["ethertype"], one["protocol"], one["remote_group_id"])
            for one in group["security_group_rules"]
        )
        expected = [("egress", version, None, None) for version in ("IPv4", "IPv6")]
        expected += [("ingress", version, None, group["id"]) for version in ("IPv4", "IPv6")]
        self.assertEqual(said, expected)
        self.assertNotEqual(self.default(BOB)["id"], group["id"])
        path = f"/security-groups/{group['id']}"
        self.assertEqual(self.call("GET", path, user=BOB).status, 404)
        self.assertEqual(
            self.refused("DELETE", path)[:2], (409, "SecurityGroupCannotRemoveDefault")
        )
        renamed = {"security_group": {"name": "x"}}
        self.assertEqual(
            self.refused("PUT", path, renamed)[:2], (409, "SecurityGroupCannotUpdateDefault")
        )
        self.assertEqual(self.miscounted(), [])

    def test_life(self) -> None:
        """Made with what members may send, changed, and gone with its rules and its quota."""
        group = self.made("security_group", name="web", description="d")
        path = f"/security-groups/{group['id']}"
        self.assertEqual(
            [one["direction"] for one in group["security_group_rules"]], ["egress"] * 2
        )
        rule = self.rule(group["id"], protocol="TCP", port_range_min=80, port_range_max="81",
                         remote_ip_prefix="10.1.2.3/8")  # fmt: skip
        told = rule["protocol"], rule["port_range_max"], rule["remote_ip_prefix"]
        self.assertEqual(told, ("tcp", 81, "10.0.0.0/8"))
        answer = self.call("PUT", path, {"security_group": {"name": "www"}})
        self.assertEqual(answer.json["security_group"]["name"], "www")
        shown = self.call("GET", f"/security-group-rules/{rule['id']}").json["security_group_rule"]
        self.assertEqual(shown, rule)
        self.assertEqual(self.call("PUT", f"{path}/tags/blue").status, 201)
        found = self.call("GET", "/security-groups?tags=blue").json["security_groups"]
        self.assertEqual([one["id"] for one in found], [group["id"]])
        self.assertEqual(self.miscounted(), [])
        self.assertEqual(self.call("DELETE", path).status, 204)
        self.assertEqual(self.call("GET", f"/security-group-rules/{rule['id']}").status, 404)
        self.assertEqual(self.miscounted(), [])

    def test_what_is_no_rule(self) -> None:
        """In Neutron's words."""
        group_id = self.made("security_group", name="g")["id"]
        for fields, words in (
            ({"protocol": "bad"}, "protocol bad not supported"),
            ({"protocol": 256}, "protocol 256 not supported"),
            ({"ethertype": "IPv5"}, "'IPv5' is not in"),
            ({"direction": "up"}, "'up' is not in"),
            ({"port_range_min": 1, "port_range_max": 2}, "Must also specify protocol"),
            ({"protocol": "tcp", "port_range_min": -16, "port_range_max": 80}, "for port -16"),
            ({"protocol": "tcp", "port_range_min": 80, "port_range_max": 79}, "must be <="),
            ({"protocol": "tcp", "port_range_max": 6}, "must be <="),
            ({"protocol": "tcp", "port_range_min": 80, "port_range_max": 65536}, "port 65536"),
            ({"protocol": "icmp", "port_range_min": 1, "port_range_max": 256}, "for ICMP code"),
            ({"protocol": "icmp", "port_range_min": 300}, "for ICMP type"),
            ({"protocol": "icmp", "port_range_max": 6}, "ICMP type (port-range-min) is missing"),
            ({"protocol": "gre", "port_range_min": 1, "port_range_max": 2}, "cannot be specified"),
            ({"protocol": "ipv6-icmp"}, "Invalid ethertype IPv4"),
            ({"remote_ip_prefix": "256"}, "not a valid IP subnet"),
            ({"remote_ip_prefix": "192.168.1.1/33"}, "not a valid IP subnet"),
            ({"remote_ip_prefix": "2001:db8::/64"}, "Conflicting value ethertype IPv4"),
            ({"remote_ip_prefix": "10.0.0.0/8", "remote_group_id": group_id}, "Only remote_ip"),
        ):
            status, _, message = self.refused_rule(group_id, **fields)
            self.assertEqual(status, 400, fields)
            self.assertIn(words, message)
        for fields in ({"remote_group_id": "bad"}, {"security_group_id": NOTHING},
                       {"remote_group_id": self.default(BOB)["id"]}):  # fmt: skip
            self.assertEqual(
                self.refused_rule(group_id, **fields)[:2], (404, "SecurityGroupNotFound")
            )
        self.rule(group_id, protocol="udp")
        self.assertEqual(
            self.refused_rule(group_id, protocol="udp")[:2], (409, "SecurityGroupRuleExists")
        )
        named = {"security_group": {"name": "default"}}
        refused = self.refused("POST", "/security-groups", named)
        self.assertEqual(refused[:2], (409, "SecurityGroupDefaultAlreadyExists"))
        self.assertEqual(self.miscounted(), [])

    def test_quota(self) -> None:
        """Of groups and of rules; the default group comes whatever it is."""
        limits = {"quota": {"security_group": 2, "security_group_rule": 6}}
        self.call("PUT", "/quotas/project-alice", limits, ADMIN)
        group = self.made("security_group", name="g")
        self.assertEqual(self.refused_rule(group["id"])[:2], (409, "OverQuota"))
        more = {"security_group": {"name": "h"}}
        self.assertEqual(self.refused("POST", "/security-groups", more)[:2], (409, "OverQuota"))
        self.call("PUT", "/quotas/project-bob", {"quota": {"security_group": 0}}, ADMIN)
        self.assertEqual(self.default(BOB)["name"], "default")
        self.assertEqual(self.miscounted(), [])

    def test_ports_are_in_groups(self) -> None:
        """In the default one when nothing is said; what is not checked has none."""
        network = self.made("network", name="n")["id"]
        self.made("subnet", network_id=network, ip_version=4, cidr="10.7.0.0/24")
        port = self.made("port", network_id=network)
        self.assertEqual(port["security_groups"], [self.default()["id"]])
        group = self.made("security_group", name="g")["id"]
        path = f"/ports/{port['id']}"
        answer = self.call("PUT", path, {"port": {"security_groups": [group]}})
        self.assertEqual(answer.json["port"]["security_groups"], [group])
        self.assertEqual(
            self.refused("DELETE", f"/security-groups/{group}")[:2], (409, "SecurityGroupInUse")
        )
        open_one = {"port": {"port_security_enabled": False}}
        self.assertEqual(
            self.refused("PUT", path, open_one)[:2], (409, "PortSecurityPortHasSecurityGroup")
        )
        both = {"port": {"port_security_enabled": False, "security_groups": [group]}}
        refused = self.refused("PUT", path, both)
        self.assertEqual(refused[:2], (400, "PortSecurityAndIPRequiredForSecurityGroups"))
        none = {"port": {"port_security_enabled": False, "security_groups": []}}
        self.assertEqual(self.call("PUT", path, none).json["port"]["security_groups"], [])
        foreign = {"port": {"network_id": network, "security_groups": [self.default(BOB)["id"]]}}
        self.assertEqual(
            self.refused("POST", "/ports", foreign)[:2], (404, "SecurityGroupNotFound")
        )
        bare = self.made("port", network_id=network, port_security_enabled=False)
        self.assertEqual(bare["security_groups"], [])
        self.assertEqual(self.call("DELETE", f"/security-groups/{group}").status, 204)

    def test_down_to_guests(self) -> None:
        """The cluster has a server's groups, and those they name, before it; and changes."""
        web, admin = (self.made("security_group", name=one)["id"] for one in ("web", "admin"))
        self.rule(web, protocol="6", port_range_min=80, port_range_max=80)
        by_group = self.rule(web, protocol="tcp", port_range_min=22, port_range_max=22,
                             remote_group_id=admin)  # fmt: skip
        server = self.cyclades.running(
            networks=[{"uuid": NETWORK}], security_groups=[{"name": "web"}, {"name": "default"}]
        )
        web_name, admin_name = f"snf-group-{web}", f"snf-group-{admin}"
        default_name = f"snf-group-{self.default()['id']}"
        (nic,) = self.cyclades.cluster.held.instances[f"snf-{server}"]["nics"]
        self.assertEqual(
            (nic["port"]["port_security"], set(nic["port"]["security_groups"])),
            (True, {web_name, default_name}),
        )
        outwards = [("out", "ipv4", None, None, None), ("out", "ipv6", None, None, None)]
        held = self.held()
        self.assertEqual(held.keys(), {web_name, admin_name, default_name})
        self.assertCountEqual(
            held[web_name],
            [*outwards, ("in", "ipv4", "tcp", 80, None), ("in", "ipv4", "tcp", 22, admin_name)],
        )
        self.assertCountEqual(held[admin_name], outwards)
        self.rule(admin, protocol="icmp", remote_ip_prefix="10.0.0.0/8")
        self.call("DELETE", f"/security-group-rules/{by_group['id']}")
        self.cyclades.settle()
        held = self.held()
        self.assertIn(("in", "ipv4", "1", None, "10.0.0.0/8"), held[admin_name])
        self.assertNotIn(("in", "ipv4", "tcp", 22, admin_name), held[web_name])
        self.assertEqual(self.call("DELETE", f"/security-groups/{admin}").status, 204)
        self.cyclades.settle()
        self.assertNotIn(admin_name, self.held())
        self.assertEqual(self.miscounted(), [])

    def test_a_port_changes_its_groups(self) -> None:
        """While its guest runs; the cluster has the new group first."""
        server = self.cyclades.running(networks=[{"uuid": NETWORK}])
        (port,) = self.call("GET", f"/ports?device_id={server}").json["ports"]
        late = self.made("security_group", name="late")["id"]
        self.rule(late, protocol="tcp", remote_group_id=late)
        body = {"port": {"security_groups": [late]}}
        self.assertEqual(self.call("PUT", f"/ports/{port['id']}", body).status, 200)
        self.cyclades.settle()
        (nic,) = self.cyclades.cluster.held.instances[f"snf-{server}"]["nics"]
        self.assertEqual(nic["port"]["security_groups"], [f"snf-group-{late}"])
        self.assertIn(("in", "ipv4", "tcp", None, f"snf-group-{late}"),
                      self.held()[f"snf-group-{late}"])  # fmt: skip

    def test_a_server_comes_into_a_group_and_leaves_it(self) -> None:
        """By Nova's actions: all of its ports, and what the server is shown with."""
        server = self.cyclades.running(networks=[{"uuid": NETWORK}])
        group = self.made("security_group", name="web")["id"]
        self.rule(group, protocol="tcp", port_range_min=80, port_range_max=80)
        self.assertEqual(self.act(server, "removeSecurityGroup", "web").status, 404)
        self.assertEqual(self.act(server, "addSecurityGroup", "nowhere").status, 404)
        self.assertEqual(self.act(server, "addSecurityGroup", "web").status, 202)
        self.cyclades.settle()
        (nic,) = self.cyclades.cluster.held.instances[f"snf-{server}"]["nics"]
        self.assertIn(f"snf-group-{group}", nic["port"]["security_groups"])
        named = [{"name": "default"}, {"name": "web"}]
        self.assertEqual(self.cyclades.show(server)["security_groups"], named)
        shown = self.cyclades.cloud.nova("GET", f"/servers/{server}/os-security-groups")
        (web,) = (one for one in shown.json["security_groups"] if one["name"] == "web")
        told = [(one["ip_protocol"], one["from_port"], one["ip_range"]) for one in web["rules"]]
        self.assertEqual(told, [("tcp", 80, {"cidr": "0.0.0.0/0"})])
        self.assertEqual(self.act(server, "removeSecurityGroup", group).status, 202)
        self.cyclades.settle()
        (nic,) = self.cyclades.cluster.held.instances[f"snf-{server}"]["nics"]
        self.assertEqual(nic["port"]["security_groups"], [f"snf-group-{self.default()['id']}"])
        self.assertEqual(self.cyclades.show(server)["security_groups"], named[:1])

    def act(self, server: str, action: str, name: str) -> Any:
        path = f"/servers/{server}/action"
        return self.cyclades.cloud.nova("POST", path, {action: {"name": name}})

    def test_groups_of_a_server_to_come(self) -> None:
        """By name or id; in Nova's words when there is none, or more than one."""
        twice = [self.made("security_group", name="twice")["id"] for _ in range(2)]
        for name, status in (("nowhere", 400), ("twice", 409), (twice[0], 202)):
            body = {"server": asked(security_groups=[{"name": name}])}
            answer = self.cyclades.cloud.nova("POST", "/servers", body)
            self.assertEqual(answer.status, status, answer.body)
