"""
The configuration in memory: what the journal holds, indexed for reading.

It is changed only by `apply`, after the journal has made the same changes durable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define, field, frozen

from ganetid.cluster.model import (
    AddDebris,
    Change,
    ClusterFacts,
    Debris,
    DropDebris,
    DropInstance,
    DropNetwork,
    Instance,
    Network,
    Nic,
    PutFacts,
    PutInstance,
    PutNetwork,
)


@frozen
class Snapshot:
    """Everything durable about the cluster, as read at start."""

    facts: ClusterFacts
    instances: tuple[Instance, ...] = ()
    networks: tuple[Network, ...] = ()
    debris: tuple[Debris, ...] = ()


@frozen
class Binding:
    """A NIC with its place: what DHCP answers from."""

    instance: str
    nic: Nic
    network: Network


@define
class Configuration:
    """The cluster as last made durable, and claims of jobs that are creating instances now."""

    cluster_name: str
    node_name: str
    facts: ClusterFacts
    instances: dict[str, Instance] = field(factory=dict)
    networks: dict[str, Network] = field(factory=dict)
    debris: set[Debris] = field(factory=set)
    _claims: dict[str, Instance] = field(factory=dict)
    _bindings: dict[str, Binding] | None = None

    def apply(self, changes: Iterable[Change]) -> None:
        """Take over changes that have just become durable."""
        for change in changes:
            match change:
                case PutInstance(instance):
                    self.instances[instance.name] = instance
                case DropInstance(name):
                    self.instances.pop(name, None)
                case PutNetwork(network):
                    self.networks[network.name] = network
                case DropNetwork(name):
                    self.networks.pop(name, None)
                case PutFacts(facts):
                    self.facts = facts
                case AddDebris(debris):
                    self.debris.add(debris)
                case DropDebris(debris):
                    self.debris.discard(debris)
        self._bindings = None

    def load(self, snapshot: Snapshot) -> None:
        """Take over what was read at start."""
        self.facts = snapshot.facts
        self.instances = {instance.name: instance for instance in snapshot.instances}
        self.networks = {network.name: network for network in snapshot.networks}
        self.debris = set(snapshot.debris)
        self._bindings = None

    def claim(self, instance: Instance) -> None:
        """Keep the instance's addresses from others while a job creates it."""
        self._claims[instance.name] = instance
        self._bindings = None

    def release(self, name: str) -> None:
        """End a claim; what became durable stays."""
        self._claims.pop(name, None)
        self._bindings = None

    def everyone(self) -> Mapping[str, Instance]:
        """Instances that exist or are being created."""
        return {**self._claims, **self.instances}

    def bindings(self) -> Mapping[str, Binding]:
        """Every NIC that is in a network, by its MAC address in lower case."""
        if self._bindings is None:
            self._bindings = {
                nic.mac: Binding(instance.name, nic, self.networks[nic.network])
                for instance in self.everyone().values()
                for nic in instance.nics
                if nic.network is not None and nic.network in self.networks
            }
        return self._bindings

    def addresses(self, network: str) -> dict[str, str]:
        """IP address -> instance, of all NICs in `network`."""
        return {
            nic.ip: instance.name
            for instance in self.everyone().values()
            for nic in instance.nics
            if nic.network == network and nic.ip is not None
        }

    def instances_in(self, network: str) -> list[str]:
        """Names of the instances that have a NIC in `network`, sorted."""
        return sorted(
            instance.name
            for instance in self.everyone().values()
            if any(nic.network == network for nic in instance.nics)
        )
