"""
Which NIC has which address: kept beside the instances, so that no question walks through them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ganetid.cluster.model import Instance, Nic
from ganetid.cluster.wiring import Router

T = TypeVar("T")


class NicIndex:
    """
    The NICs of instances that exist or are being created.

    Two versions of an instance may be in it at once (a claim and what became durable); each is
    added and discarded for itself.
    """

    def __init__(self) -> None:
        self._macs: dict[str, list[tuple[str, Nic]]] = {}
        self._addresses: dict[str, dict[str, list[str]]] = {}
        self._users: dict[str, dict[str, int]] = {}

    def add(self, instance: Instance) -> None:
        """Take an instance's NICs in."""
        for nic in instance.nics:
            self._macs.setdefault(nic.mac, []).append((instance.name, nic))
            if nic.network is None:
                continue
            users = self._users.setdefault(nic.network, {})
            users[instance.name] = users.get(instance.name, 0) + 1
            taken = self._addresses.setdefault(nic.network, {})
            for address in nic.ips:
                taken.setdefault(address, []).append(instance.name)

    def discard(self, instance: Instance) -> None:
        """Take out what was added for just this version of an instance."""
        for nic in instance.nics:
            _take(self._macs, nic.mac, (instance.name, nic))
            if nic.network is None:
                continue
            users = self._users[nic.network]
            users[instance.name] -= 1
            if not users[instance.name]:
                del users[instance.name]
            for address in nic.ips:
                _take(self._addresses[nic.network], address, instance.name)

    def change_router(self, old: Router | None, new: Router | None) -> None:
        """A router, known as ``router:<name>``, has other addresses now."""
        for network, address, user in _addresses_of(old):
            _take(self._addresses[network], address, user)
        for network, address, user in _addresses_of(new):
            self._addresses.setdefault(network, {}).setdefault(address, []).append(user)

    def by_mac(self, mac: str) -> tuple[str, Nic] | None:
        """(instance, NIC) with this MAC address in lower case."""
        found = self._macs.get(mac)
        return found[-1] if found else None

    def addresses(self, network: str) -> Mapping[str, list[str]]:
        """IP address -> names of its users, of all NICs and routers in the network."""
        return self._addresses.get(network, {})

    def instances_in(self, network: str) -> list[str]:
        """Names of the instances that have a NIC in the network, sorted."""
        return sorted(self._users.get(network, ()))


def _addresses_of(router: Router | None) -> list[tuple[str, str, str]]:
    """(network, address, user)."""
    if router is None:
        return []
    return [
        (network, address, f"router:{router.name}")
        for network in {each.network for each in router.places}
        for address in router.addresses_in(network)
    ]


def _take(index: dict[str, list[T]], key: str, value: T) -> None:
    values = index[key]
    values.remove(value)
    if not values:
        del index[key]
