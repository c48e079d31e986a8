"""
Networking without privileges: each NIC on a QEMU user-mode network of its own.
"""

from __future__ import annotations

from zope.interface import implementer

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Instance, Network
from ganetid.hypervisor.interface import UserNic
from ganetid.network.interface import INodeNetwork


@implementer(INodeNetwork)
class UserNetwork:
    """
    INodeNetwork that needs no rights.

    Guests get their address by DHCP and reach the outside, but not each other, nor can they be
    reached.
    """

    mode = "user"
    namespace: str | None = None

    def __init__(self, cluster: Configuration) -> None:
        self._cluster = cluster

    async def begin(self) -> None:
        """See INodeNetwork."""

    async def connect(self, network: Network) -> None:
        """See INodeNetwork."""

    async def disconnect(self, network: Network) -> None:
        """See INodeNetwork."""

    async def plug(self, instance: Instance) -> tuple[UserNic, ...]:
        """See INodeNetwork."""
        return tuple(
            UserNic(nic.mac)
            if network is None
            else UserNic(nic.mac, network.subnet, nic.ip, network.gateway)
            for nic in instance.nics
            for network in (self._cluster.networks.get(nic.network or ""),)
        )

    async def unplug(self, instance: Instance) -> None:
        """See INodeNetwork."""

    async def close(self) -> None:
        """See INodeNetwork."""
