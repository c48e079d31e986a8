"""
Devices that a guest may have besides disks and NICs, as its parameters say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ganetid.hypervisor import spice
from ganetid.hypervisor.blocks import Properties

AGENT_CHANNEL = "org.qemu.guest_agent.0"
_VGA = {"std": "VGA", "cirrus": "cirrus-vga", "qxl": "qxl-vga", "virtio": "virtio-vga"}
_USB = {"tablet": "usb-tablet", "mouse": "usb-mouse", "kbd": "usb-kbd"}


def usb_devices(hvparams: Mapping[str, Any], place: Properties, is_q35: bool) -> list[Properties]:
    """The USB controller and what is on it; nothing if nothing is wanted."""
    wanted = hvparams["usb_devices"].replace(",", " ").split()
    if hvparams["usb_mouse"]:
        wanted.append(hvparams["usb_mouse"])
    if not wanted:
        return []
    controller = "qemu-xhci" if is_q35 else "piix3-usb-uhci"
    return [
        {"driver": controller, "id": "usb", **place},
        *(
            {"driver": _USB[name], "id": f"usb-{name}", "bus": "usb.0"}
            for name in dict.fromkeys(wanted)
        ),
    ]


def channel_devices(hvparams: Mapping[str, Any], place: Properties) -> list[Properties]:
    """What channels of agents are on, and the guest agent's; SPICE's comes with its screen."""
    controller = {"driver": "virtio-serial-pci", "id": "channels", **place}
    if not hvparams["use_guest_agent"]:
        return [controller] if spice.has_agent(hvparams) else []
    return [
        controller,
        {"driver": "virtserialport", "chardev": "agent", "name": AGENT_CHANNEL,
         "id": "agent-channel", "bus": "channels.0"},
    ]  # fmt: skip


def sound_devices(hvparams: Mapping[str, Any]) -> list[str]:
    """Sound cards, which nobody hears."""
    wanted = [name for name in hvparams["soundhw"].split(",") if name]
    devices: list[Properties] = []
    for name in wanted:
        if name == "hda":
            devices.append({"driver": "intel-hda", "id": "hda"})
        driver = {"hda": "hda-duplex", "ac97": "AC97", "es1370": "ES1370"}[name]
        devices.append({"driver": driver, "id": f"sound-{name}", "audiodev": "silence"})
    arguments = ["-audiodev", "none,id=silence"] if devices else []
    for device in devices:
        arguments += ["-device", json.dumps(device)]
    return arguments


def vga_device(hvparams: Mapping[str, Any], place: Properties) -> list[str]:
    """The graphics card."""
    wanted = hvparams["vga"] or ("qxl" if spice.is_wanted(hvparams) else "std")
    if wanted == "none":
        return []
    return ["-device", json.dumps({"driver": _VGA[wanted], "id": "vga", **place})]
