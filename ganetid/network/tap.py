"""
Networking with bridges and taps, DHCP, masquerading and guards, perhaps in a network namespace.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from twisted.internet.defer import maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from zope.interface import implementer

from ganetid.hypervisor.interface import TapNic
from ganetid.network import nftables
from ganetid.network.dhcp import Lease
from ganetid.network.dhcp_server import DhcpResponder, adopt
from ganetid.network.interface import INodeNetwork
from ganetid.network.kept import Folder, KeptNetworks
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
)
from ganetid.network.ports import AddressGroup, NetworkPlan, Plugged, PortPlan
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

    def __init__(self, reactor: Any, cluster: str, settings: TapSettings, directory: Path) -> None:
        """cluster: its name.  directory: where the node keeps what it was told."""
        self._reactor = reactor
        self._name = cluster
        self._settings = settings
        self._folder = Folder(directory)
        self.namespace = settings.namespace
        self._responders: dict[str, Any] = {}
        self._networks: dict[str, NetworkPlan] = {}
        self._plugged: dict[str, Plugged] = {}

    async def begin(self, known_running: frozenset[str]) -> None:
        """See INodeNetwork."""
        await self._make_namespace()
        kept = await deferToThread(self._folder.read)
        self._networks = {each.name: each for each in kept.networks.plans}
        self._plugged = {each.instance: each for each in kept.plugged}
        for instance in set(self._plugged) - known_running:
            del self._plugged[instance]
            await deferToThread(self._folder.drop_plugged, instance)
        bridges = self._bridges()
        links = await self._links()
        wanted = {tap for each in self._plugged.values() for tap in self._taps(each.ports)}
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

    async def carry(self, networks: tuple[NetworkPlan, ...]) -> None:
        """See INodeNetwork."""
        for name in set(self._networks) - {each.name for each in networks}:
            await self.disconnect(name)
        for network in networks:
            try:
                await self.connect(network)
            except OpExecError as error:
                self._log.error("{error}", error=error)

    async def connect(self, network: NetworkPlan) -> None:
        """See INodeNetwork."""
        if self._networks.get(network.name) == network and network.link in self._responders:
            return
        bridge = bridge_of(network)
        self._networks[network.name] = network
        try:
            await self._ip(make_bridge(bridge, await self._links()))
            await within(self._reactor, self.namespace, let_forward)
            await self._route(self._bridges())
            await self._answer_dhcp(bridge)
            await self._keep_networks()
        except (ProgramFailed, OSError) as error:
            await self._undo(network)
            raise OpExecError(f"Can't connect network {network.name}: {error}") from error

    async def disconnect(self, network: str) -> None:
        """See INodeNetwork."""
        carried = self._networks.get(network)
        if carried is None:
            return
        try:
            await self._disconnect(carried)
        except (ProgramFailed, OSError) as error:
            raise OpExecError(f"Can't disconnect network {network}: {error}") from error

    async def share_groups(self, groups: tuple[AddressGroup, ...]) -> None:
        """See INodeNetwork."""
        await deferToThread(self._folder.put_groups, groups)

    async def plug(
        self, instance: str, ports: tuple[PortPlan, ...], metadata: Mapping[str, bytes]
    ) -> tuple[TapNic, ...]:
        """See INodeNetwork."""
        plugged = Plugged(instance, ports, {}, dict(metadata))
        try:
            await deferToThread(self._folder.put_plugged, plugged)
            self._plugged[instance] = plugged
            await self._make_taps(ports)
        except (ProgramFailed, OSError) as error:
            await self.unplug(instance)
            raise OpExecError(f"Can't make the NICs of {instance}: {error}") from error
        return tuple(self._nic(port) for port in ports)

    async def unplug(self, instance: str) -> None:
        """See INodeNetwork."""
        plugged = self._plugged.get(instance)
        if plugged is None:
            return
        try:
            await self._remove_taps(plugged.ports)
            await deferToThread(self._folder.drop_plugged, instance)
        except (ProgramFailed, OSError) as error:
            raise OpExecError(f"Can't remove the NICs of {instance}: {error}") from error
        del self._plugged[instance]

    async def update(
        self, instance: str, ports: tuple[PortPlan, ...], metadata: Mapping[str, bytes] | None
    ) -> None:
        """See INodeNetwork."""
        before = self._plugged.get(instance, Plugged(instance))
        told = before.metadata if metadata is None else dict(metadata)
        after = evolve(before, ports=ports, metadata=told)
        try:
            await deferToThread(self._folder.put_plugged, after)
            self._plugged[instance] = after
            await self._guard_all()
        except (ProgramFailed, OSError) as error:
            raise OpExecError(f"Can't change the NICs of {instance}: {error}") from error

    async def plug_one(self, instance: str, port: PortPlan) -> TapNic:
        """See INodeNetwork."""
        before = self._plugged.get(instance, Plugged(instance))
        try:
            await self._make_taps((port,))
        except ProgramFailed as error:
            raise OpExecError(f"Can't make a NIC of {instance}: {error}") from error
        await self.update(instance, (*before.ports, port), None)
        return self._nic(port)

    async def unplug_one(self, instance: str, uuid: str) -> None:
        """See INodeNetwork."""
        ports = self.ports(instance)
        try:
            await self._remove_taps(tuple(port for port in ports if port.uuid == uuid))
        except ProgramFailed as error:
            raise OpExecError(f"Can't remove a NIC of {instance}: {error}") from error
        await self.update(instance, tuple(port for port in ports if port.uuid != uuid), None)

    def ports(self, instance: str) -> tuple[PortPlan, ...]:
        """See INodeNetwork."""
        plugged = self._plugged.get(instance)
        return () if plugged is None else plugged.ports

    async def close(self) -> None:
        """See INodeNetwork."""
        for bridge in list(self._responders):
            await self._stop_dhcp(bridge)

    def _bridges(self) -> list[Bridge]:
        return [bridge_of(network) for network in self._networks.values()]

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

    async def _make_taps(self, ports: tuple[PortPlan, ...]) -> None:
        """One that is left from a guest that died is made afresh."""
        links = await self._links()
        lines: list[str] = []
        for port in ports:
            tap = self._tap(port)
            lines += [*remove_link(tap, links), *make_tap(tap, port.link)]
        await self._ip(lines)
        await self._guard_all()

    async def _remove_taps(self, ports: tuple[PortPlan, ...]) -> None:
        links = await self._links()
        await self._ip([line for tap in self._taps(ports) for line in remove_link(tap, links)])
        for port in ports:
            if self._tap(port) in links:
                await self._forget_port(nftables.Port(self._tap(port), port.mac, port.ip))

    async def _nft(self, script: str) -> None:
        if script and self._settings.masquerade:
            inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
            await run(self._reactor, [*inside, "nft", "-f", "-"], script)

    async def _route(self, bridges: list[Bridge]) -> None:
        await self._nft(nftables.routing_script(self._name, bridges))

    async def _guard_all(self) -> None:
        ports = [
            nftables.Port(self._tap(port), port.mac, port.ip)
            for plugged in self._plugged.values()
            for port in plugged.ports
        ]
        await self._nft(nftables.guard_script(self._name, ports))

    def _tap(self, port: PortPlan) -> str:
        return tap_name(self._name, port.uuid)

    def _taps(self, ports: tuple[PortPlan, ...]) -> tuple[str, ...]:
        return tuple(self._tap(port) for port in ports)

    def _nic(self, port: PortPlan) -> TapNic:
        return TapNic(port.mac, self._tap(port))

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
        bound = (
            port
            for plugged in self._plugged.values()
            for port in plugged.ports
            if port.mac == mac and port.link == bridge
        )
        port = next(bound, None)
        network = None if port is None else self._networks.get(port.network or "")
        if port is None or port.ip is None or network is None:
            return None
        if network.gateway is None or network.subnet is None:
            return None
        return Lease(
            address=port.ip,
            subnet=network.subnet,
            server=network.gateway,
            router=network.gateway,
            dns=self._settings.dns,
            host_name=port.host_name,
            lease_s=self._settings.lease_s,
            mtu=self._settings.mtu,
        )

    async def _keep_networks(self) -> None:
        kept = KeptNetworks(tuple(self._networks.values()))
        await deferToThread(self._folder.put_networks, kept)

    async def _disconnect(self, network: NetworkPlan) -> None:
        bridge = bridge_of(network)
        self._networks.pop(network.name, None)
        await self._stop_dhcp(bridge.name)
        await self._route(self._bridges())
        await self._ip(remove_link(bridge.name, await self._links()))
        await self._keep_networks()

    async def _undo(self, network: NetworkPlan) -> None:
        try:
            await self._disconnect(network)
        except (ProgramFailed, OSError) as error:
            self._log.error(
                "network {name} is left half made: {error}", name=network.name, error=error
            )


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
