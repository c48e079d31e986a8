"""
Networking with bridges and taps, DHCP, masquerading and guards, perhaps in a network namespace.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from attrs import frozen
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Instance, Network
from ganetid.hypervisor.interface import TapNic
from ganetid.network import nftables
from ganetid.network.dhcp import Lease
from ganetid.network.dhcp_server import DhcpResponder, adopt
from ganetid.network.interface import INodeNetwork
from ganetid.network.namespace import NAMESPACES, let_forward, open_dhcp_socket, within
from ganetid.network.plan import (
    Bridge,
    Link,
    bridge_of,
    make_bridge,
    make_tap,
    remove_link,
    stray_taps,
    tap_name,
    taps_of,
)
from ganetid.node.programs import ProgramFailed, run
from ganetid.opcodes.errors import OpExecError


@frozen
class TapSettings:
    """
    How this node's network is run.

    namespace: of bridges, taps and guests; made when absent.  masquerade: nftables can be used.
    dns: what DHCP tells.  lease_s: seconds.
    """

    namespace: str | None = None
    masquerade: bool = True
    dns: tuple[str, ...] = ()
    lease_s: int = 3600
    mtu: int | None = None


@implementer(INodeNetwork)
class TapNetwork:
    """INodeNetwork over ``ip`` and ``nft``."""

    mode = "tap"
    _log = Logger()

    def __init__(self, reactor: Any, cluster: Configuration, settings: TapSettings) -> None:
        self._reactor = reactor
        self._cluster = cluster
        self._settings = settings
        self.namespace = settings.namespace
        self._responders: dict[str, Any] = {}

    async def begin(self) -> None:
        """See INodeNetwork."""
        await self._make_namespace()
        bridges = self._bridges()
        links = await self._links()
        wanted = {tap for each in self._cluster.everyone().values() for tap in self._taps(each)}
        lines = [line for bridge in bridges for line in make_bridge(bridge, links)]
        for tap in stray_taps(self._name, links, wanted):
            lines += remove_link(tap, links)
        await self._ip(lines)
        if bridges:
            await within(self._reactor, self.namespace, let_forward)
        await self._guard_all()
        await self._route(bridges)
        for bridge in bridges:
            await self._answer_dhcp(bridge)

    async def connect(self, network: Network) -> None:
        """See INodeNetwork."""
        bridge = _bridge(network)
        try:
            await self._ip(make_bridge(bridge, await self._links()))
            await within(self._reactor, self.namespace, let_forward)
            await self._route([*self._bridges(without=network.name), bridge])
            await self._answer_dhcp(bridge)
        except (ProgramFailed, OSError) as error:
            await self._undo(network)
            raise OpExecError(f"Can't connect network {network.name}: {error}") from error

    async def disconnect(self, network: Network) -> None:
        """See INodeNetwork."""
        try:
            await self._disconnect(network)
        except (ProgramFailed, OSError) as error:
            raise OpExecError(f"Can't disconnect network {network.name}: {error}") from error

    async def plug(self, instance: Instance) -> tuple[TapNic, ...]:
        """See INodeNetwork."""
        lines = [
            line
            for index, nic in enumerate(instance.nics)
            for line in make_tap(tap_name(self._name, instance, index), nic.link)
        ]
        try:
            await self._ip_or_afresh(lines, instance)
            await self._nft(
                "".join(nftables.admit_script(self._name, port) for port in self._ports(instance))
            )
        except ProgramFailed as error:
            await self.unplug(instance)
            raise OpExecError(f"Can't make the NICs of {instance.name}: {error}") from error
        return tuple(
            TapNic(nic.mac, tap_name(self._name, instance, index))
            for index, nic in enumerate(instance.nics)
        )

    async def unplug(self, instance: Instance) -> None:
        """See INodeNetwork."""
        if not instance.nics:
            return
        try:
            links = await self._links()
            await self._ip(
                [line for tap in self._taps(instance) for line in remove_link(tap, links)]
            )
        except ProgramFailed as error:
            raise OpExecError(f"Can't remove the NICs of {instance.name}: {error}") from error
        for port in self._ports(instance):
            if port.tap in links:
                await self._forget_port(port)

    async def close(self) -> None:
        """See INodeNetwork."""
        for bridge in list(self._responders):
            await self._stop_dhcp(bridge)

    @property
    def _name(self) -> str:
        return self._cluster.cluster_name

    def _bridges(self, without: str = "") -> list[Bridge]:
        networks = [each for each in self._cluster.networks.values() if each.name != without]
        return [bridge for network in networks if (bridge := bridge_of(network)) is not None]

    async def _make_namespace(self) -> None:
        if self.namespace is None:
            return
        if not (NAMESPACES / self.namespace).exists():
            await run(self._reactor, ["ip", "netns", "add", self.namespace])
            self._log.info("network namespace {name} made", name=self.namespace)
        await self._ip(["link set dev lo up"])

    async def _links(self) -> dict[str, Link]:
        said = await run(self._reactor, [*self._ip_program(), "-json", "-details", "address"])
        return {
            each["ifname"]: Link(
                name=each["ifname"],
                kind=each.get("linkinfo", {}).get("info_kind", ""),
                is_up="UP" in each.get("flags", ()),
                addresses=frozenset(
                    f"{address['local']}/{address['prefixlen']}"
                    for address in each.get("addr_info", ())
                ),
            )
            for each in json.loads(said.output or "[]")
            if "ifname" in each
        }

    def _ip_program(self) -> list[str]:
        return ["ip", "-netns", self.namespace] if self.namespace else ["ip"]

    async def _ip(self, lines: Any) -> None:
        if lines:
            await run(self._reactor, [*self._ip_program(), "-batch", "-"], "\n".join(lines) + "\n")

    async def _ip_or_afresh(self, lines: list[str], instance: Instance) -> None:
        """Make the taps; when one is left from a guest that died, after removing it."""
        try:
            await self._ip(lines)
        except ProgramFailed:
            await self.unplug(instance)
            await self._ip(lines)

    async def _nft(self, script: str) -> None:
        if script and self._settings.masquerade:
            inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
            await run(self._reactor, [*inside, "nft", "-f", "-"], script)

    async def _route(self, bridges: list[Bridge]) -> None:
        await self._nft(nftables.routing_script(self._name, bridges))

    async def _guard_all(self) -> None:
        ports = [
            port for instance in self._cluster.everyone().values() for port in self._ports(instance)
        ]
        await self._nft(nftables.guard_script(self._name, ports))

    def _ports(self, instance: Instance) -> list[nftables.Port]:
        return [
            nftables.Port(tap_name(self._name, instance, index), nic.mac, nic.ip)
            for index, nic in enumerate(instance.nics)
        ]

    def _taps(self, instance: Instance) -> tuple[str, ...]:
        return taps_of(self._name, instance)

    async def _forget_port(self, port: nftables.Port) -> None:
        try:
            await self._nft(nftables.dismiss_script(self._name, port))
        except ProgramFailed as error:
            self._log.warn("tap {tap} was not guarded: {error}", tap=port.tap, error=error)

    async def _answer_dhcp(self, bridge: Bridge) -> None:
        await self._stop_dhcp(bridge.name)
        if bridge.address is None:
            return
        opened = await within(self._reactor, self.namespace, lambda: open_dhcp_socket(bridge.name))
        responder = DhcpResponder(bridge.name, lambda mac: self._lease(bridge.name, mac))
        self._responders[bridge.name] = adopt(self._reactor, opened, responder)

    async def _stop_dhcp(self, bridge: str) -> None:
        port = self._responders.pop(bridge, None)
        if port is not None:
            await maybeDeferred(port.stopListening)

    def _lease(self, bridge: str, mac: str) -> Lease | None:
        binding = self._cluster.binding(mac)
        if binding is None or binding.nic.link != bridge or binding.nic.ip is None:
            return None
        network = binding.network
        if network.gateway is None:
            return None
        return Lease(
            address=binding.nic.ip,
            subnet=network.subnet,
            server=network.gateway,
            router=network.gateway,
            dns=self._settings.dns,
            host_name=binding.instance,
            lease_s=self._settings.lease_s,
            mtu=self._settings.mtu,
        )

    async def _disconnect(self, network: Network) -> None:
        bridge = _bridge(network)
        await self._stop_dhcp(bridge.name)
        await self._route(self._bridges(without=network.name))
        await self._ip(remove_link(bridge.name, await self._links()))

    async def _undo(self, network: Network) -> None:
        try:
            await self._disconnect(network)
        except (ProgramFailed, OSError) as error:
            self._log.error(
                "network {name} is left half made: {error}", name=network.name, error=error
            )


def _bridge(network: Network) -> Bridge:
    bridge = bridge_of(network)
    assert bridge is not None, "only connected networks are carried"
    return bridge


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
