"""
The master's part in what nodes share: security groups with their members' addresses, and routers.

It follows the configuration: whatever changes a member tells every node the groups that it is in,
whole, and nothing of any NIC.  A node that was away gets all of it when it comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import (
    Change,
    DropInstance,
    DropSecurityGroup,
    Instance,
    Network,
    Nic,
    PutInstance,
    PutNetwork,
    PutSecurityGroup,
)
from ganetid.network.from_cluster import group_of, router_of
from ganetid.network.ports import GroupPlan, RouterPlan
from ganetid.network.state import autoconfigured
from ganetid.node.registry import Nodes
from ganetid.opcodes.errors import OpcodeError

Ask = Callable[..., Awaitable[Any]]
Memberships = Mapping[str, frozenset[str]]


def memberships_of(instance: Instance, networks: Mapping[str, Network]) -> Memberships:
    """The addresses that an instance brings into each security group."""
    found: dict[str, frozenset[str]] = {}
    for nic in instance.nics:
        pairs = [each.cidr for each in nic.port.allowed_address_pairs]
        own = (*nic.ips, *pairs, *_made(nic, networks.get(nic.network or "")))
        for name in nic.port.security_groups or ():
            found[name] = found.get(name, frozenset()) | set(own)
    return found


def _made(nic: Nic, network: Network | None) -> tuple[str, ...]:
    """The address that the guest makes of its MAC address."""
    prefix = None if network is None else _prefix(network)
    return () if prefix is None else (autoconfigured(prefix, nic.mac),)


def _prefix(network: Network) -> str | None:
    return None if network.options.managed_ipv6 else network.network6


@define(eq=False)
class Sharing:
    """
    Begin with `begin`, end with `close`.

    _members: how often each address is in a group; _given: by whom.  _prefixes: of networks.
    _behind: names of nodes that a change did not reach though they are there.
    """

    cluster: Configuration
    nodes: Nodes
    _members: dict[str, Counter[str]] = field(factory=dict)
    _given: dict[str, Memberships] = field(factory=dict)
    _prefixes: dict[str, str | None] = field(factory=dict)
    _dirty: set[str] = field(factory=set)
    _behind: set[str] = field(factory=set)
    _is_telling: bool = False
    _errand: Deferred[None] | None = None
    _log = Logger()

    def begin(self) -> None:
        """Take stock, and hear of changes from now on."""
        for instance in self.cluster.instances.values():
            self._take(instance)
        self._dirty.clear()
        self._prefixes = {each.name: _prefix(each) for each in self.cluster.networks.values()}
        self.cluster.watch(self._changed)

    def close(self) -> None:
        """Tell nobody any more."""
        if self._errand is not None:
            self._errand.cancel()

    async def take_up(self, name: str, ask: Ask) -> None:
        """
        Tell a node that comes all that it has to know; what changes meanwhile it is told soon.

        ask: calls a method of INode.
        """
        self._behind.add(name)
        try:
            await ask("share_groups", self.groups())
            await ask("carry_routers", self.routers_on(name))
        except OpcodeError as error:
            self._log.warn("{node} has old security groups: {error}", node=name, error=error)

    async def look(self) -> None:
        """Tell nodes again that may have missed something."""
        for name in sorted(self._behind):
            self._behind.discard(name)
            node = self.nodes.get(name)
            if node is not None and node.is_reachable:  # else it hears all when it comes
                try:
                    await node.share_groups(self.groups())
                    await node.carry_routers(self.routers_on(name))
                except OpcodeError as error:
                    self._behind.add(name)
                    self._log.warn(
                        "{node} has old security groups: {error}", node=name, error=error
                    )

    def groups(self) -> tuple[GroupPlan, ...]:
        """All security groups as nodes know them."""
        return tuple(self._plan(name) for name in self.cluster.security_groups)

    def routers_on(self, node: str) -> tuple[RouterPlan, ...]:
        """The routers of a node."""
        return tuple(
            router_of(router, self.cluster.networks)
            for router in self.cluster.routers.values()
            if router.node == node
        )

    def _plan(self, name: str) -> GroupPlan:
        return group_of(self.cluster.security_groups[name], self._members.get(name, ()))

    def _changed(self, change: Change) -> None:
        match change:
            case PutInstance(instance):
                self._take(instance)
            case PutNetwork(network):
                self._note_prefix(network)
            case DropInstance(name):
                self._enter(name, {})
            case PutSecurityGroup(group):
                self._dirty.add(group.name)
            case DropSecurityGroup(name):
                self._dirty.add(name)
        if self._dirty and not self._is_telling:
            self._is_telling = True
            self._errand = Deferred.fromCoroutine(self._tell())
            self._errand.addErrback(self._failed)

    def _take(self, instance: Instance) -> None:
        self._enter(instance.name, memberships_of(instance, self.cluster.networks))

    def _note_prefix(self, network: Network) -> None:
        """Guests make other addresses when their network's prefix changes."""
        prefix = _prefix(network)
        if self._prefixes.get(network.name) != prefix:
            self._prefixes[network.name] = prefix
            for name in self.cluster.instances_in(network.name):
                if name in self.cluster.instances:
                    self._take(self.cluster.instances[name])

    def _enter(self, instance: str, now: Memberships) -> None:
        before = self._given.pop(instance, {})
        if now:
            self._given[instance] = now
        for name in {*before, *now}:
            gone = before.get(name, frozenset()) - now.get(name, frozenset())
            new = now.get(name, frozenset()) - before.get(name, frozenset())
            members = self._members.setdefault(name, Counter())
            members.update(new)
            members.subtract(gone)
            for address in gone:
                if members[address] <= 0:
                    del members[address]
            if new or gone:
                self._dirty.add(name)

    async def _tell(self) -> None:
        try:
            while self._dirty:
                names, self._dirty = self._dirty, set()
                known = self.cluster.security_groups
                plans = tuple(self._plan(name) for name in sorted(names) if name in known)
                gone = tuple(sorted(name for name in names if name not in known))
                told = (
                    Deferred.fromCoroutine(self._tell_one(node, plans, gone))
                    for node in self.nodes
                    if node.is_reachable
                )
                await gatherResults(list(told), consumeErrors=True)
        finally:
            self._is_telling = False

    async def _tell_one(
        self, node: Any, plans: tuple[GroupPlan, ...], gone: tuple[str, ...]
    ) -> None:
        try:
            await node.change_groups(plans, gone)
        except OpcodeError as error:
            self._behind.add(node.name)
            self._log.warn("{node} has old security groups: {error}", node=node.name, error=error)

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, FirstError):
            failure = failure.value.subFailure
        if failure.check(CancelledError) is None:
            self._log.failure("security groups were not told", failure)
