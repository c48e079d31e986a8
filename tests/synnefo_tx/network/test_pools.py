"""
Subnet pools, address scopes and networks shared with single projects.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.network.pool_errors import NoRoom
from synnefo_tx.network.rules.subnet_pools import allocated
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BOB
from tests.synnefo_tx.network.test_changes import NAMES, Networking

NAMES["subnetpools"] = "subnetpool"
NAMES["address-scopes"] = "address_scope"
NAMES["rbac-policies"] = "rbac_policy"


class Pool:
    """
    As the row has it.
    """

    prefixes = ("10.0.0.0/26", "10.0.1.0/26")
    default_prefixlen, min_prefixlen, max_prefixlen = 28, 26, 30


class AllocationTests(SynchronousTestCase):
    @given(st.lists(st.integers(26, 30), max_size=40))
    def test_blocks_are_free_and_of_the_pool(self, lengths: list[int]) -> None:
        """None overlaps another, and what is refused does not fit anywhere."""
        used: list[str] = []
        pools = [ipaddress.ip_network(one) for one in Pool.prefixes]
        for length in lengths:
            taken = [ipaddress.ip_network(one) for one in used]
            fitting = [
                block
                for pool in pools
                for block in pool.subnets(new_prefix=length)
                if not any(block.overlaps(one) for one in taken)
            ]
            if fitting:
                found = allocated(Pool, length, None, used)
                self.assertEqual(ipaddress.ip_network(found), fitting[0])
                used.append(found)
            else:
                self.assertRaises(NoRoom, allocated, Pool, length, None, used)


class SubnetPoolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.net = Networking(self)
        self.network = self.net.made("networks")["id"]

    def pool(self, **fields: Any) -> dict[str, Any]:
        return self.net.made("subnetpools", **({"prefixes": ["10.9.0.0/16"]} | fields))

    def subnet(self, **fields: Any) -> dict[str, Any]:
        return self.net.made("subnets", network_id=self.network, ip_version=4, **fields)

    def test_life(self) -> None:
        """It grows, gives blocks, and goes when none is used."""
        pool = self.pool(prefixes=["10.9.1.0/24", "10.9.0.0/24"], default_prefixlen=26)
        self.assertEqual((pool["prefixes"], pool["min_prefixlen"]), (["10.9.0.0/23"], "8"))
        subnet = self.subnet(subnetpool_id=pool["id"])
        self.assertEqual((subnet["cidr"], subnet["subnetpool_id"]), ("10.9.0.0/26", pool["id"]))
        asked = self.subnet(subnetpool_id=pool["id"], cidr="10.9.1.0/25")
        self.assertEqual(self.subnet(subnetpool_id=pool["id"], prefixlen=25)["cidr"],
                         "10.9.0.128/25")  # fmt: skip
        path = f"/subnetpools/{pool['id']}"
        self.assertEqual(self.net.refused("DELETE", path)[:2], (400, "SubnetPoolDeleteError"))
        changed = self.net.changed("subnetpools", pool["id"], prefixes=["10.9.0.0/22"], name="p")
        self.assertEqual((changed["prefixes"], changed["name"]), (["10.9.0.0/22"], "p"))
        self.assertEqual(self.net.miscounted(), [])
        self.net.gone("subnets", asked["id"])
        self.net.gone("networks", self.network)
        self.net.gone("subnetpools", pool["id"])
        self.assertEqual(self.net.miscounted(), [])

    def test_refused(self) -> None:
        """In Neutron's words."""
        for fields, kind in (
            ({"prefixes": []}, "EmptySubnetPoolPrefixList"),
            ({"prefixes": ["10.0.0.0/8", "fd00::/48"]}, "PrefixVersionMismatch"),
            ({"min_prefixlen": 30, "max_prefixlen": 20}, "IllegalSubnetPoolPrefixBounds"),
            ({"max_prefixlen": 33}, "IllegalSubnetPoolPrefixBounds"),
            ({"shared": True}, "PolicyNotAuthorized"),
        ):
            body = {"subnetpool": {"prefixes": ["10.9.0.0/16"]} | fields}
            self.assertEqual(self.net.refused("POST", "/subnetpools", body)[1], kind)
        pool = self.pool(min_prefixlen=20, max_prefixlen=28, default_quota=4096)["id"]
        body = {"subnetpool": {"prefixes": ["10.8.0.0/16"]}}
        self.assertEqual(self.net.refused("PUT", f"/subnetpools/{pool}", body)[1],
                         "IllegalSubnetPoolPrefixUpdate")  # fmt: skip
        wanted = {"network_id": self.network, "ip_version": 4, "subnetpool_id": pool}
        for fields, kind in (
            ({"prefixlen": 29}, "MaxPrefixSubnetAllocationError"),
            ({"prefixlen": 19}, "MinPrefixSubnetAllocationError"),
            ({"cidr": "10.7.0.0/24"}, "SubnetAllocationError"),
            ({"ip_version": 6}, "BadRequest"),
            ({"subnetpool_id": self.network}, "SubnetPoolNotFound"),
        ):
            found = self.net.refused("POST", "/subnets", {"subnet": wanted | fields})
            self.assertEqual(found[1], kind, found)
        self.subnet(subnetpool_id=pool, prefixlen=20)
        found = self.net.refused("POST", "/subnets", {"subnet": wanted | {"prefixlen": 28}})
        self.assertEqual(found[:2], (409, "SubnetPoolQuotaExceeded"))

    def test_default(self) -> None:
        """There is one of each version, which administrators choose."""
        wanted = {"network_id": self.network, "ip_version": 4, "use_default_subnetpool": True}
        self.assertEqual(self.net.refused("POST", "/subnets", {"subnet": wanted})[0], 400)
        fields = {"prefixes": ["10.9.0.0/16"], "default_prefixlen": 24, "is_default": True}
        self.net.made("subnetpools", ADMIN, shared=True, **fields)
        self.assertEqual(self.subnet(use_default_subnetpool=True)["cidr"], "10.9.0.0/24")
        refused = self.net.refused("POST", "/subnetpools", {"subnetpool": fields}, ADMIN)
        self.assertEqual(refused[:2], (400, "InvalidInput"))

    def test_scopes(self) -> None:
        """Pools of one version are in them; one that has pools stays."""
        scope = self.net.made("address-scopes", ip_version=6, name="s")["id"]
        six = self.pool(prefixes=["fd00:9::/48"], address_scope_id=scope)
        self.assertEqual(six["address_scope_id"], scope)
        body = {"subnetpool": {"prefixes": ["10.9.0.0/16"], "address_scope_id": scope}}
        self.assertEqual(self.net.refused("POST", "/subnetpools", body)[0], 400)
        path = f"/address-scopes/{scope}"
        self.assertEqual(self.net.refused("DELETE", path)[:2], (409, "AddressScopeInUse"))
        listed = self.net.cloud.neutron("GET", "/address-scopes").json["address_scopes"]
        self.assertEqual([one["id"] for one in listed], [scope])
        self.assertEqual(self.net.refused("GET", path, user=BOB)[:2], (404, "AddressScopeNotFound"))
        self.net.gone("subnetpools", six["id"])
        self.net.gone("address-scopes", scope)


class RbacTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.net = Networking(self)
        self.network = self.net.made("networks")["id"]
        self.net.made("subnets", network_id=self.network, ip_version=4, cidr="10.6.0.0/24")

    def policy(self, target: str, user: str = ALICE, **fields: Any) -> dict[str, Any]:
        wanted = {"object_type": "network", "object_id": self.network, "action": "access_as_shared"}
        return self.net.made("rbac-policies", user, **(wanted | {"target_tenant": target} | fields))

    def seen(self, user: str) -> list[str]:
        found = self.net.cloud.neutron("GET", f"/networks?id={self.network}", user=user)
        return [one["id"] for one in found.json["networks"]]

    def test_shared_with_one_project(self) -> None:
        """Which may have ports there; while it does, the policy stays."""
        self.assertEqual(self.seen(BOB), [])
        policy = self.policy("project-bob")
        self.assertEqual(self.seen(BOB), [self.network])
        port = self.net.made("ports", BOB, network_id=self.network)
        path = f"/rbac-policies/{policy['id']}"
        self.assertEqual(self.net.refused("DELETE", path)[:2], (409, "RbacPolicyInUse"))
        self.net.gone("ports", port["id"], BOB)
        self.net.gone("rbac-policies", policy["id"])
        self.assertEqual((self.seen(BOB), self.net.miscounted()), ([], []))

    def test_with_everybody(self) -> None:
        """As administrators may say."""
        body = {"rbac_policy": {"object_type": "network", "object_id": self.network,
                                "action": "access_as_shared", "target_tenant": "*"}}  # fmt: skip
        self.assertEqual(self.net.refused("POST", "/rbac-policies", body)[0], 403)
        policy = self.policy("*", ADMIN)
        shown = self.net.cloud.neutron("GET", f"/networks/{self.network}", user=BOB)
        self.assertTrue(shown.json["network"]["shared"])
        self.net.gone("rbac-policies", policy["id"], ADMIN)
        self.assertEqual(self.seen(BOB), [])

    def test_refused(self) -> None:
        """Others' networks, twice the same, what there is not; the network's end is theirs."""
        self.policy("project-bob")
        wanted = {"object_type": "network", "object_id": self.network,
                  "action": "access_as_shared", "target_tenant": "project-bob"}  # fmt: skip
        for fields, user, kind in (
            ({}, ALICE, "DuplicateRbacPolicy"),
            ({}, BOB, "NetworkNotFound"),
            ({"object_type": "cat"}, ALICE, "HTTPBadRequest"),
            ({"target_tenant": None}, ALICE, "HTTPBadRequest"),
        ):
            body = {"rbac_policy": wanted | fields}
            self.assertEqual(self.net.refused("POST", "/rbac-policies", body, user)[1], kind)
        self.net.gone("networks", self.network)
        listed = self.net.cloud.neutron("GET", "/rbac-policies").json["rbac_policies"]
        self.assertEqual((listed, self.net.miscounted()), ([], []))
