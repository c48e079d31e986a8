"""
What a node's network promises: real bridges and taps, or QEMU's own user networking.
"""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import Attribute, Interface

from ganetid.hypervisor.interface import NicDevice
from ganetid.network.ports import GroupPlan, NetworkPlan, PortPlan, RouterPlan


class INodeNetwork(Interface):
    """
    Carries networks and NICs on one node.

    It gets everything in its calls and keeps it on the node's own disk: it never asks the master.
    Every method brings the node to the wanted state, whatever it finds.  Failures are OpExecError.
    """

    mode = Attribute("tap or user")
    namespace = Attribute("name of the network namespace that guests run in, or None")

    async def begin(known_running: frozenset[str]) -> None:
        """
        Take up again what the node's own files say; call once, before all else.

        What is as it should be is not touched, so no flow of a running guest is dropped.
        known_running: names of guests that run; the NICs of all others are removed.
        """

    async def carry(networks: tuple[NetworkPlan, ...]) -> None:
        """Carry just these networks.  One that fails is logged, and the others are carried."""

    async def connect(network: NetworkPlan) -> None:
        """Carry the network too, or carry it so from now on.  On failure nothing of it is left."""

    async def disconnect(network: str) -> None:
        """Carry it no more."""

    async def share_groups(groups: tuple[GroupPlan, ...]) -> None:
        """From now on these are the security groups, and no others."""

    async def change_groups(groups: tuple[GroupPlan, ...], gone: tuple[str, ...]) -> None:
        """These security groups are so now, and those of the names in `gone` are no more."""

    async def carry_routers(routers: tuple[RouterPlan, ...]) -> None:
        """Have just these routers.  One that fails is logged, and the others are there."""

    async def put_router(router: RouterPlan) -> None:
        """Have the router, so from now on.  On failure it is as it was."""

    async def drop_router(name: str) -> None:
        """Have it no more.  Idempotent."""

    async def plug(
        instance: str, ports: tuple[PortPlan, ...], metadata: Mapping[str, bytes]
    ) -> tuple[NicDevice, ...]:
        """
        Make the NICs of a guest that is about to start.  On failure nothing of them is left.

        metadata: what the guest's metadata service answers, by path; see guest.metadata.
        """

    async def unplug(instance: str) -> None:
        """Remove the NICs of a guest that has ended."""

    async def update(
        instance: str, ports: tuple[PortPlan, ...], metadata: Mapping[str, bytes] | None
    ) -> None:
        """
        Change rules and addresses of NICs of a running guest, all at once.

        ports: all its NICs, the same as are plugged.  metadata: None: as it was.
        """

    async def plug_one(instance: str, port: PortPlan) -> NicDevice:
        """Make one more NIC of a guest that runs.  On failure nothing of it is left."""

    async def unplug_one(instance: str, uuid: str) -> None:
        """Remove one NIC, which the guest has given up."""

    def plugged() -> frozenset[str]:
        """Names of instances that have NICs here."""

    def ports(instance: str) -> tuple[PortPlan, ...]:
        """The NICs of an instance that are plugged here."""

    async def close() -> None:
        """Stop answering; bridges and taps stay, for guests run on."""
