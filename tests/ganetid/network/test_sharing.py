"""What the master tells nodes of security groups, and when."""

from __future__ import annotations

from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import (
    ClusterFacts,
    DropInstance,
    DropSecurityGroup,
    Instance,
    Network,
    Nic,
    PutInstance,
    PutNetwork,
    PutSecurityGroup,
)
from ganetid.cluster.wiring import NicPort, SecurityGroup
from ganetid.network.ports import AddressPair, GroupPlan, SecurityRule
from ganetid.network.sharing import Sharing
from ganetid.opcodes.errors import OpExecError

MAC = "fa:16:3e:00:00:01"
GROUP = SecurityGroup("g", "uuid-g", 0.0, 0.0, (SecurityRule("out"),), ("192.0.2.0/24",))
NETWORK = Network("net", "uuid-n", "10.7.0.0/24", 0.0, 0.0)


def instance(name: str, ip: str, groups: tuple[str, ...], **port: Any) -> Instance:
    nic = Nic("nic", f"uuid-{name}", MAC, ip, "net", port=NicPort(security_groups=groups, **port))
    return Instance(name, name, "", "fake", "diskless", (), (nic,), {}, {}, {}, "up", 0.0, 0.0,
                    primary_node="node1")  # fmt: skip


@define
class ListeningNode:
    """Keeps what it is told, or refuses it."""

    name: str
    is_reachable: bool = True
    refuses: bool = False
    told: list[Any] = field(factory=list)
    whole: list[Any] = field(factory=list)

    async def change_groups(self, groups: Any, gone: Any) -> None:
        if self.refuses:
            raise OpExecError("no")
        self.told.append((groups, gone))

    async def share_groups(self, groups: Any) -> None:
        self.whole.append(groups)

    async def carry_routers(self, routers: Any) -> None:
        assert routers == ()


class ListeningNodes(dict[str, ListeningNode]):
    """As `Nodes`, as far as it is needed."""

    def __iter__(self) -> Any:
        return iter(list(self.values()))


class SharingTests(SynchronousTestCase):
    """A group with members on a cluster of two nodes."""

    def setUp(self) -> None:
        self.cluster = Configuration("c", "node1", ClusterFacts("", "", "", 0.0))
        self.cluster.apply((PutNetwork(NETWORK), PutSecurityGroup(GROUP)))
        self.cluster.apply((PutInstance(instance("old", "10.7.0.2", ("g",))),))
        self.nodes = ListeningNodes({name: ListeningNode(name) for name in ("node1", "node2")})
        self.sharing = Sharing(self.cluster, self.nodes)  # type: ignore[arg-type]
        self.sharing.begin()

    def told(self, *changes: Any, node: str = "node1") -> list[Any]:
        """What a node hears of these changes."""
        self.nodes[node].told.clear()
        self.cluster.apply(changes)
        return self.nodes[node].told

    def plan(self, *members: str) -> GroupPlan:
        return GroupPlan("g", tuple(sorted((*GROUP.addresses, *members))), GROUP.rules)

    def test_members(self) -> None:
        """Who comes and goes is told to every node: the group whole, and no other."""
        new = instance("new", "10.7.0.3", ("g", "g"), ips=("10.7.0.4",),
                       allowed_address_pairs=(AddressPair("10.8.0.0/24"),))  # fmt: skip
        expected = self.plan("10.7.0.2", "10.7.0.3", "10.7.0.4", "10.8.0.0/24")
        self.assertEqual(self.told(PutInstance(new)), [((expected,), ())])
        self.assertEqual(self.nodes["node2"].told, [((expected,), ())])
        self.assertEqual(self.told(PutInstance(evolve(new, mtime=9.0))), [])
        self.assertEqual(self.told(DropInstance("new")), [((self.plan("10.7.0.2"),), ())])
        self.assertEqual(self.told(DropInstance("old")), [((self.plan(),), ())])

    def test_equal_addresses(self) -> None:
        """An address that two have is a member until both are gone."""
        self.told(PutInstance(instance("twin", "10.7.0.2", ("g",))))
        self.assertEqual(self.sharing.groups(), (self.plan("10.7.0.2"),))
        self.told(DropInstance("old"))
        self.assertEqual(self.sharing.groups(), (self.plan("10.7.0.2"),))
        self.told(DropInstance("twin"))
        self.assertEqual(self.sharing.groups(), (self.plan(),))

    def test_group(self) -> None:
        """Its rules change for everybody; it is gone when it is."""
        newer = evolve(GROUP, rules=(), addresses=())
        expected = GroupPlan("g", ("10.7.0.2",))
        self.assertEqual(self.told(PutSecurityGroup(newer)), [((expected,), ())])
        self.assertEqual(self.told(DropSecurityGroup("g")), [((), ("g",))])

    def test_prefix(self) -> None:
        """Addresses that guests make of a network's prefix are members' too."""
        network = evolve(NETWORK, network6="fd00:7::/64")
        made = "fd00:7::f816:3eff:fe00:1"
        expected = [((self.plan("10.7.0.2", made),), ())]
        self.assertEqual(self.told(PutNetwork(network)), expected)
        self.assertEqual(self.told(PutNetwork(evolve(network, mtime=9.0))), [])

    def test_missed(self) -> None:
        """A node that a change did not reach is told everything, until it has it."""
        self.nodes["node2"].refuses = True
        self.told(DropInstance("old"))
        self.flushLoggedErrors()
        for _ in range(2):
            self.successResultOf(self.look())
        self.assertEqual(self.nodes["node2"].whole, [(self.plan(),)])
        self.assertEqual(self.nodes["node1"].whole, [])

    def look(self) -> Any:
        return Deferred.fromCoroutine(self.sharing.look())
