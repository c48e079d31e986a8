"""
The administrator's programs for NICs that come and go.

``<directory>/<mode>/up`` runs when a NIC's tap is there, before its guest is; ``down`` when the
guest is gone, before the tap is.  Without one for the mode, ``<directory>/up`` and ``down``.
Source: Ganeti 3.2, network scripts; its variables.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.logger import Logger

from ganetid.network.names import tap_name
from ganetid.network.ports import PortPlan
from ganetid.network.state import NetworkState, Place
from ganetid.node.programs import ProgramFailed, run
from ganetid.opcodes.errors import OpExecError

UP, DOWN = "up", "down"
TIMEOUT_S = 60.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@frozen
class NicScripts:
    """directory: None: there are none.  namespace: of the taps; programs run in it."""

    reactor: Any
    directory: Path | None
    namespace: str | None
    _log = Logger()

    async def up(self, state: NetworkState, ports: Iterable[PortPlan]) -> None:
        """These NICs have come.  Raises OpExecError."""
        for place in _places(state, ports):
            try:
                await self._run(UP, place)
            except ProgramFailed as error:
                raise OpExecError(f"The script for NIC {place.tap} failed: {error}") from error

    async def down(self, state: NetworkState, ports: Iterable[PortPlan]) -> None:
        """They are about to go, whatever a program says."""
        for place in _places(state, ports):
            try:
                await self._run(DOWN, place)
            except ProgramFailed as error:
                self._log.warn("the script for {tap} failed: {error}", tap=place.tap, error=error)

    async def _run(self, action: str, place: Place) -> None:
        script = self._script(action, place)
        if script is None:
            return
        told = {"PATH": PATH, "ACTION": action, **variables(place)}
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        words = ["env", "-i", *(f"{name}={value}" for name, value in told.items())]
        await run(self.reactor, [*inside, *words, str(script)], timeout_s=TIMEOUT_S)

    def _script(self, action: str, place: Place) -> Path | None:
        if self.directory is None:
            return None
        mode = "routed" if place.bridge is None else "bridged"
        for path in (self.directory / mode / action, self.directory / action):
            if path.is_file() and os.access(path, os.X_OK):
                return path
        return None


def variables(place: Place) -> dict[str, str]:
    """What a program is told of a NIC; what it has not is left out."""
    port, network = place.port, place.network
    facts: dict[str, Any] = {
        "INSTANCE": port.instance or port.host_name,
        "MAC": port.mac,
        "MODE": "routed" if place.bridge is None else "bridged",
        "INTERFACE": place.tap,
        "INTERFACE_INDEX": port.index,
        "INTERFACE_UUID": port.uuid,
        "INTERFACE_NAME": port.name,
        "TAGS": " ".join(port.tags),
        "IP": port.ip or next(iter(port.ips6), None),
        "LINK": port.link or (network.link if network else None),
        "VLAN": place.vlan or None,
        "BRIDGE": place.bridge or None,
    }
    if network is not None:
        facts |= _of_network(network.name, {
            "UUID": network.uuid,
            "SUBNET": network.subnet,
            "GATEWAY": network.gateway,
            "SUBNET6": network.subnet6,
            "GATEWAY6": network.gateway6,
            "MAC_PREFIX": network.mac_prefix,
            "TAGS": " ".join(network.tags),
        })  # fmt: skip
    return {name: str(value) for name, value in facts.items() if value is not None}


def _of_network(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"NETWORK_NAME": name, **{f"NETWORK_{key}": value for key, value in facts.items()}}


def _places(state: NetworkState, ports: Iterable[PortPlan]) -> list[Place]:
    taps = {tap_name(state.cluster, port.uuid) for port in ports}
    return [place for place in state.places() if place.tap in taps]
