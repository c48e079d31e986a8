"""
Networking without privileges: each NIC on a QEMU user-mode network of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import implementer

from ganetid.hypervisor.interface import UserNic
from ganetid.network.interface import INodeNetwork
from ganetid.network.ports import GroupPlan, NetworkPlan, PortPlan, RouterPlan
from ganetid.opcodes.errors import OpExecError


@implementer(INodeNetwork)
class UserNetwork:
    """
    INodeNetwork that needs no rights.

    Guests get their address by DHCP and reach the outside, but not each other, nor can they be
    reached.  Nothing of it is on disk: a NIC lives in its guest's QEMU, and the master tells the
    networks again when it takes up the node.

    pretends: guests are fake too, so routers are taken for made.
    """

    mode = "user"
    namespace: str | None = None

    def __init__(self, pretends: bool = False) -> None:
        self._pretends = pretends
        self._networks: dict[str, NetworkPlan] = {}
        self._plugged: dict[str, tuple[PortPlan, ...]] = {}

    async def begin(self, known_running: frozenset[str]) -> None:
        """See INodeNetwork."""

    async def carry(self, networks: tuple[NetworkPlan, ...]) -> None:
        """See INodeNetwork."""
        self._networks = {network.name: network for network in networks}

    async def connect(self, network: NetworkPlan) -> None:
        """See INodeNetwork."""
        self._networks[network.name] = network

    async def disconnect(self, network: str) -> None:
        """See INodeNetwork."""
        self._networks.pop(network, None)

    async def share_groups(self, groups: tuple[GroupPlan, ...]) -> None:
        """See INodeNetwork."""

    async def change_groups(self, groups: tuple[GroupPlan, ...], gone: tuple[str, ...]) -> None:
        """See INodeNetwork."""

    async def carry_routers(self, routers: tuple[RouterPlan, ...]) -> None:
        """See INodeNetwork."""

    async def put_router(self, router: RouterPlan) -> None:
        """See INodeNetwork."""
        if not self._pretends:
            problem = "this node has user networking alone"
            raise OpExecError(f"Can't make router {router.name}: {problem}")

    async def drop_router(self, name: str) -> None:
        """See INodeNetwork."""

    async def plug(
        self, instance: str, ports: tuple[PortPlan, ...], metadata: Mapping[str, bytes]
    ) -> tuple[UserNic, ...]:
        """See INodeNetwork."""
        self._plugged[instance] = ports
        return tuple(self._nic(port) for port in ports)

    async def unplug(self, instance: str) -> None:
        """See INodeNetwork."""
        self._plugged.pop(instance, None)

    async def update(
        self, instance: str, ports: tuple[PortPlan, ...], metadata: Mapping[str, bytes] | None
    ) -> None:
        """See INodeNetwork."""
        self._plugged[instance] = ports

    async def plug_one(self, instance: str, port: PortPlan) -> UserNic:
        """See INodeNetwork."""
        self._plugged[instance] = (*self.ports(instance), port)
        return self._nic(port)

    async def unplug_one(self, instance: str, uuid: str) -> None:
        """See INodeNetwork."""
        left = tuple(port for port in self.ports(instance) if port.uuid != uuid)
        self._plugged[instance] = left

    def plugged(self) -> frozenset[str]:
        """See INodeNetwork."""
        return frozenset(self._plugged)

    def ports(self, instance: str) -> tuple[PortPlan, ...]:
        """See INodeNetwork."""
        return self._plugged.get(instance, ())

    async def close(self) -> None:
        """See INodeNetwork."""

    def _nic(self, port: PortPlan) -> UserNic:
        network = self._networks.get(port.network or "")
        subnets = () if network is None else network.subnets4
        chosen = next((each for each in subnets if port.ip and each.holds(port.ip)), None)
        chosen = chosen or next(iter(subnets), None)
        if chosen is None:
            return UserNic(port.mac)
        return UserNic(port.mac, chosen.cidr, port.ip, chosen.gateway)
