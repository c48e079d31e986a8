"""
The configuration in memory: what the journal holds, indexed for reading.

It is changed only by `apply`, after the journal has made the same changes durable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from ganetid.cluster.model import (
    AddDebris,
    Change,
    ClusterFacts,
    Debris,
    DropDebris,
    DropFilter,
    DropGroup,
    DropInstance,
    DropMember,
    DropNetwork,
    DropRouter,
    DropSecurityGroup,
    Group,
    Instance,
    Member,
    Network,
    Nic,
    PutFacts,
    PutFilter,
    PutGroup,
    PutInstance,
    PutMember,
    PutNetwork,
    PutRouter,
    PutSecurityGroup,
)
from ganetid.cluster.nic_index import NicIndex
from ganetid.cluster.wiring import Router, SecurityGroup

NETWORK_PORTS = range(11000, 15000)  # Ganeti's pool


@frozen
class Snapshot:
    """Everything durable about the cluster, as read at start."""

    facts: ClusterFacts
    instances: tuple[Instance, ...] = ()
    networks: tuple[Network, ...] = ()
    debris: tuple[Debris, ...] = ()
    members: tuple[Member, ...] = ()
    groups: tuple[Group, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    routers: tuple[Router, ...] = ()


@frozen
class Binding:
    """A NIC with its place: what DHCP answers from."""

    instance: str
    nic: Nic
    network: Network


@define
class Configuration:
    """
    The cluster as last made durable, and claims of jobs that are creating instances now.

    node_name: of this daemon's own node.
    """

    cluster_name: str
    node_name: str
    facts: ClusterFacts
    instances: dict[str, Instance] = field(factory=dict)
    networks: dict[str, Network] = field(factory=dict)
    members: dict[str, Member] = field(factory=dict)
    groups: dict[str, Group] = field(factory=dict)
    security_groups: dict[str, SecurityGroup] = field(factory=dict)
    routers: dict[str, Router] = field(factory=dict)
    debris: set[Debris] = field(factory=set)
    _claims: dict[str, Instance] = field(factory=dict)
    _nics: NicIndex = field(factory=NicIndex)
    _by_node: dict[str, set[str]] = field(factory=dict)
    _sorted: list[str] | None = None
    _watchers: list[Callable[[Change], None]] = field(factory=list)

    def watch(self, watcher: Callable[[Change], None]) -> None:
        """Tell `watcher` of every change after it was taken over."""
        self._watchers.append(watcher)

    def apply(self, changes: Iterable[Change]) -> None:
        """Take over changes that have just become durable."""
        for change in changes:
            match change:
                case PutInstance(instance):
                    self._put_instance(instance)
                case DropInstance(name):
                    self._drop_instance(name)
                case PutNetwork(network):
                    self.networks[network.name] = network
                case DropNetwork(name):
                    self.networks.pop(name, None)
                case PutSecurityGroup() | DropSecurityGroup() | PutRouter() | DropRouter():
                    self._apply_to_wiring(change)
                case AddDebris(debris):
                    self.debris.add(debris)
                case DropDebris(debris):
                    self.debris.discard(debris)
                case PutFilter() | DropFilter():
                    pass  # the job queue keeps its own rules
                case _:
                    self._apply_to_cluster(change)
            for watcher in self._watchers:
                watcher(change)

    def _apply_to_wiring(
        self, change: PutSecurityGroup | DropSecurityGroup | PutRouter | DropRouter
    ) -> None:
        match change:
            case PutSecurityGroup(group):
                self.security_groups[group.name] = group
            case DropSecurityGroup(name):
                self.security_groups.pop(name, None)
            case PutRouter(router):
                self._nics.change_router(self.routers.get(router.name), router)
                self.routers[router.name] = router
            case DropRouter(name):
                self._nics.change_router(self.routers.pop(name, None), None)

    def _apply_to_cluster(
        self, change: PutMember | DropMember | PutGroup | DropGroup | PutFacts
    ) -> None:
        match change:
            case PutMember(member):
                self.members[member.name] = member
            case DropMember(name):
                self.members.pop(name, None)
            case PutGroup(group):
                self.groups[group.name] = group
            case DropGroup(name):
                self.groups.pop(name, None)
            case PutFacts(facts):
                self._put_facts(facts)

    def load(self, snapshot: Snapshot) -> None:
        """Take over what was read at start."""
        self._put_facts(snapshot.facts)
        self.networks = {network.name: network for network in snapshot.networks}
        self.members = {member.name: member for member in snapshot.members}
        self.groups = {group.name: group for group in snapshot.groups}
        self.debris = set(snapshot.debris)
        self.security_groups = {group.name: group for group in snapshot.security_groups}
        self.routers = {router.name: router for router in snapshot.routers}
        self.instances, self._nics, self._by_node = {}, NicIndex(), {}
        for router in snapshot.routers:
            self._nics.change_router(None, router)
        self._sorted = None
        for instance in snapshot.instances:  # "": written before clusters had many nodes
            node = instance.primary_node or self.node_name
            self._put_instance(evolve(instance, primary_node=node))

    def claim(self, instance: Instance) -> None:
        """
        Keep the instance's addresses from others while a job creates or changes it.

        The claim ends when the instance becomes durable, or by `release`.
        """
        self.release(instance.name)
        self._claims[instance.name] = instance
        self._nics.add(instance)
        self._by_node.setdefault(instance.primary_node, set()).add(instance.name)

    def release(self, name: str) -> None:
        """End a claim; what became durable stays."""
        claimed = self._claims.pop(name, None)
        if claimed is None:
            return
        self._nics.discard(claimed)
        durable = self.instances.get(name)
        if durable is None or durable.primary_node != claimed.primary_node:
            self._by_node[claimed.primary_node].discard(name)

    @property
    def master(self) -> str:
        """Name of the master node."""
        return self.facts.master or self.node_name

    def is_known(self, name: str) -> bool:
        """Whether an instance of this name exists or is being created."""
        return name in self.instances or name in self._claims

    @property
    def instance_names(self) -> list[str]:
        """Names of all instances, sorted; sorted again only after one came or went."""
        if self._sorted is None:
            self._sorted = sorted(self.instances)
        return self._sorted

    def everyone(self) -> Mapping[str, Instance]:
        """Instances that exist or are being created.  Costs a copy: not for every request."""
        return {**self._claims, **self.instances}

    def free_port(self) -> int | None:
        """The lowest port of the pool that no instance has, None when all are taken."""
        taken = {each.network_port for each in self.everyone().values()}
        return next((port for port in NETWORK_PORTS if port not in taken), None)

    def on_node(self, node: str) -> list[Instance]:
        """Instances whose primary node it is, those being created included, by name."""
        names = sorted(self._by_node.get(node, ()))
        return [self.instances.get(name) or self._claims[name] for name in names]

    def members_of(self, group: str) -> list[Member]:
        """The nodes of a group, by name."""
        names = sorted(name for name, member in self.members.items() if member.group == group)
        return [self.members[name] for name in names]

    def group_of(self, node: str) -> Group | None:
        """The group of a node, if there is such a node."""
        member = self.members.get(node)
        return None if member is None else self.groups.get(member.group)

    def binding(self, mac: str) -> Binding | None:
        """The NIC with this MAC address in lower case, if it is in a network."""
        found = self._nics.by_mac(mac)
        if found is None or found[1].network not in self.networks:
            return None
        return Binding(found[0], found[1], self.networks[found[1].network or ""])

    def has_mac(self, mac: str) -> bool:
        """Whether a NIC has this MAC address."""
        return self._nics.by_mac(mac) is not None

    def addresses(self, network: str) -> Mapping[str, Any]:
        """IP address -> its users, of all NICs and routers in `network`."""
        return self._nics.addresses(network)

    def instances_in(self, network: str) -> list[str]:
        """Names of the instances that have a NIC in `network`, sorted."""
        return self._nics.instances_in(network)

    def _put_facts(self, facts: ClusterFacts) -> None:
        self.facts = facts
        self.cluster_name = facts.name or self.cluster_name

    def _put_instance(self, instance: Instance) -> None:
        self.release(instance.name)  # what was claimed is durable now
        names = self._sorted if instance.name in self.instances else None
        self._drop_instance(instance.name)
        self.instances[instance.name] = instance
        self._sorted = names
        self._nics.add(instance)
        self._by_node.setdefault(instance.primary_node, set()).add(instance.name)

    def _drop_instance(self, name: str) -> None:
        old = self.instances.pop(name, None)
        if old is None:
            return
        self._sorted = None
        self._nics.discard(old)
        claimed = self._claims.get(name)
        if claimed is None or claimed.primary_node != old.primary_node:
            self._by_node[old.primary_node].discard(name)
