"""
What a node's network promises: real bridges, or QEMU's own user networking.
"""

from __future__ import annotations

from zope.interface import Attribute, Interface

from ganetid.cluster.model import Instance, Network
from ganetid.hypervisor.interface import NicDevice


class INodeNetwork(Interface):
    """
    Carries networks and NICs on one node.

    Every method brings the node to the wanted state, whatever it finds.  Failures are OpExecError.
    """

    mode = Attribute("tap or user")
    namespace = Attribute("name of the network namespace that guests run in, or None")

    async def begin() -> None:
        """Carry again all networks of the configuration; remove taps of guests that are gone."""

    async def connect(network: Network) -> None:
        """Carry the network.  On failure nothing of it is left."""

    async def disconnect(network: Network) -> None:
        """Carry it no more."""

    async def plug(instance: Instance) -> tuple[NicDevice, ...]:
        """Make the NICs of a guest that is about to start.  On failure nothing of it is left."""

    async def unplug(instance: Instance) -> None:
        """Remove the NICs of a guest that has ended."""

    async def close() -> None:
        """Stop answering; bridges and taps stay, for guests run on."""
