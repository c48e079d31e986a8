"""
Where a running instance's console is, as Ganeti tells it.

Source: Ganeti 3.0.2, hv_kvm.GetInstanceConsole and objects.InstanceConsole: the serial port counts
before VNC, and that before SPICE.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.model import Instance
from ganetid.hypervisor.interface import ConsolePlace

FIRST_VNC_PORT = 5900
USER = "root"
SOCAT = ("socat", "STDIO,raw,echo=0,icanon=0,escape=0x1d")  # Ctrl-] ends it


def console_at(
    instance: Instance, hvparams: Mapping[str, Any], place: ConsolePlace
) -> dict[str, Any]:
    """
    The console; `path` and `serial` are ours: sockets on its node.

    hvparams: the instance's, all of them.
    """
    facts = {
        "instance": instance.name,
        **_of_kind(instance, hvparams, place),
        "path": place.vnc or place.spice,
        "serial": place.serial,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _of_kind(
    instance: Instance, hvparams: Mapping[str, Any], place: ConsolePlace
) -> dict[str, Any]:
    if place.serial is not None and hvparams.get("serial_console"):
        command = [*SOCAT, f"UNIX-CONNECT:{place.serial}"]
        return {"kind": "ssh", "host": instance.primary_node, "user": USER, "command": command}
    if place.vnc_port is not None:
        display = place.vnc_port - FIRST_VNC_PORT
        return {"kind": "vnc", "host": place.vnc_host, "port": place.vnc_port, "display": display}
    if place.spice_port is not None:
        return {"kind": "spice", "host": place.spice_host, "port": place.spice_port}
    message = f"Console not available for {instance.hypervisor} hypervisor"
    if place.vnc or place.spice or place.serial:
        message = f"No serial shell for instance {instance.name}"
    return {"kind": "msg", "message": message}
