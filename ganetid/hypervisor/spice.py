"""
A guest's screen by SPICE, as Ganeti's parameters spice_* want it.

Checked against QEMU 7.2.22.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ganetid.cluster.kvm_parameters import is_path
from ganetid.hypervisor.values import Guest
from ganetid.opcodes.errors import HypervisorError

AGENT_CHANNEL = "com.redhat.spice.0"
_IMAGES = {
    "image-compression": "spice_image_compression",
    "jpeg-wan-compression": "spice_jpeg_wan_compression",
    "zlib-glz-wan-compression": "spice_zlib_glz_wan_compression",
    "streaming-video": "spice_streaming_video",
}


def is_wanted(hvparams: Mapping[str, Any]) -> bool:
    """Whether the guest has a screen by SPICE; it has none by VNC then."""
    return bool(hvparams["spice_bind"])


def has_agent(hvparams: Mapping[str, Any]) -> bool:
    """Whether the guest has a channel for the agent that knows of clipboard and mouse."""
    return is_wanted(hvparams) and bool(hvparams["spice_use_vdagent"])


def spice_socket(hvparams: Mapping[str, Any], name: str) -> str | None:
    """The socket that the guest's screen is at, None if it is at a TCP port."""
    bind = hvparams["spice_bind"]
    return f"{bind}/{name}.spice" if is_path(bind) else None


def spice_arguments(guest: Guest) -> list[str]:
    """
    The options.  `guest` has all its parameters.

    Its password is told by QMP.  Raises HypervisorError for a guest without a port.
    """
    hvparams = guest.hvparams
    words = [*_place(guest)]
    if not hvparams["spice_password_file"]:
        words.append("disable-ticketing=on")
    if hvparams["spice_ip_version"]:
        words.append(f"ipv{hvparams['spice_ip_version']}=on")
    words += [f"{word}={hvparams[name]}" for word, name in _IMAGES.items() if hvparams[name]]
    words.append(f"playback-compression={_on(hvparams['spice_playback_compression'])}")
    words.append(f"agent-mouse={_on(hvparams['spice_use_vdagent'])}")
    if not has_agent(hvparams):
        return ["-spice", ",".join(words)]
    channel = {"driver": "virtserialport", "chardev": "vdagent", "name": AGENT_CHANNEL,
               "id": "vdagent-channel", "bus": "channels.0"}  # fmt: skip
    agent = ("-chardev", "spicevmc,id=vdagent,name=vdagent", "-device", json.dumps(channel))
    return ["-spice", ",".join(words), *agent]


def _place(guest: Guest) -> tuple[str, ...]:
    socket = spice_socket(guest.hvparams, guest.name)
    if socket is not None:
        return ("unix=on", f"addr={socket.replace(',', ',,')}")
    if guest.vnc_port is None:
        raise HypervisorError(f"Instance {guest.name} has no port for SPICE")
    return (f"addr={guest.hvparams['spice_bind']}", f"port={guest.vnc_port}")


def _on(value: bool) -> str:
    return "on" if value else "off"
