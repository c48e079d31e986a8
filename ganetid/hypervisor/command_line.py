"""
The QEMU command line for a guest: a pure function.

Checked against QEMU 7.2.22.  Devices are in JSON, so that no value can become an option.  QEMU
does not daemonise itself: that would need what its sandbox denies.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from attrs import evolve, field, frozen

from ganetid.cluster.kvm_parameters import KVM_DEFAULTS
from ganetid.hypervisor.attached import Attached, devices, in_json
from ganetid.hypervisor.blocks import Properties
from ganetid.hypervisor.consoles import console_arguments
from ganetid.hypervisor.extras import channel_devices, sound_devices, usb_devices
from ganetid.hypervisor.firmware import Firmware
from ganetid.hypervisor.paths import Places
from ganetid.hypervisor.places import Layout, layout
from ganetid.hypervisor.values import Guest

SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
# An emulated guest loses memory when it migrates: QEMU before 9.0 looks for changed pages in blocks
# of 64, and then forgets to make the translated code tell of the next change (QEMU's commit
# 03bfc2188f; seen with 7.2.22 in one of three journeys of a busy guest).  Memory that is not a
# multiple of 64 pages is looked through page by page, which does it right.
ODD_KIB = 8
OWN_PATHS = ("", KVM_DEFAULTS["kvm_path"])  # of kvm_path: they mean the node's own QEMU
SCSI = {"lsi": "lsi53c895a", "dc390": "dc390", "megasas": "megasas"}

__all__ = ["Machine", "Places", "Run", "is_of_pid_file", "qemu_arguments", "whole"]


@frozen
class Machine:
    """
    How this node runs guests: the program, and the accelerator kvm or tcg.

    user: of guests' processes; see unprivileged.py.  home: the directory that all of ganetid is
    in, which is opened as far as those users need.
    """

    program: str
    accelerator: str
    sandbox: bool = True
    user: str = "auto"
    home: str | None = None


@frozen
class Run:
    """
    How this one start is different.

    prefix: programs that start QEMU with fewer rights.  qmp_fd: the monitor's listening socket,
    inherited; without one QEMU makes it.  is_incoming: the guest comes from another node.
    """

    prefix: tuple[str, ...] = ()
    qmp_fd: int | None = None
    is_incoming: bool = False
    firmware: Firmware | None = None


def qemu_arguments(
    guest: Guest, machine: Machine, places: Places, how: Run | None = None
) -> list[str]:
    """The whole command line, program first.  Raises HypervisorError for what can't be."""
    how = how or Run()
    guest = whole(guest)
    namespace = ["ip", "netns", "exec", guest.namespace] if guest.namespace else []
    kvm_path = guest.hvparams["kvm_path"]
    builder = _Builder(guest, machine, places, how, _layout(guest))
    return [
        *namespace,
        *how.prefix,
        machine.program if kvm_path in OWN_PATHS else kvm_path,
        *builder.arguments(),
        *shlex.split(guest.hvparams["kvm_extra"]),
        *("-pidfile", places.pid),
    ]


def is_of_pid_file(arguments: list[str], pid_file: str) -> bool:
    """Whether these are the arguments of the QEMU that was told to write this pid file."""
    return any(option == "-pidfile" and value == pid_file for option, value in pairwise(arguments))


def whole(guest: Guest) -> Guest:
    """The guest with all its parameters; those of its shape, if it has one."""
    if guest.shape is None:
        return evolve(guest, hvparams={**KVM_DEFAULTS, **guest.hvparams})
    shape = guest.shape
    parameters = {**KVM_DEFAULTS, **shape.hvparams, "machine_version": shape.machine}
    return evolve(guest, memory_mib=shape.memory_mib, vcpus=shape.vcpus, hvparams=parameters)


def _layout(guest: Guest) -> Layout:
    hvparams = guest.hvparams
    chosen = layout(_machine_type(hvparams), len(guest.drives), len(guest.nics), hvparams)
    if guest.shape is not None and chosen.is_q35:
        return Layout(True, guest.shape.disk_ports, guest.shape.nic_ports)
    return chosen


def _machine_type(hvparams: Mapping[str, Any]) -> str:
    return str(hvparams["machine_version"] or "pc")


@frozen
class _Builder:
    """The parts of one command line."""

    guest: Guest
    machine: Machine
    places: Places
    how: Run
    layout: Layout
    _hv: Mapping[str, Any] = field(init=False)

    @_hv.default
    def _hvparams(self) -> Mapping[str, Any]:
        return self.guest.hvparams

    def arguments(self) -> list[str]:
        return [
            *self._basics(),
            *self._processors(),
            *self._memory(),
            *(("-sandbox", SANDBOX) if self.machine.sandbox else ()),
            *devices(self.layout.ports()),
            *self._common_devices(),
            *console_arguments(self.guest, self.places, self.how.qmp_fd),
            *self._boot(),
            *Attached(self.guest, self.layout).arguments(),
            *sound_devices(self._hv),  # these take what is left
            *(("-incoming", "defer") if self.how.is_incoming else ()),
            "-S",
        ]

    def _basics(self) -> list[str]:
        name = quoted(self.guest.name)
        words = [_machine_type(self._hv)]
        if not self._hv["acpi"]:
            words.append("acpi=off")
        words += ["pflash0=code", "pflash1=variables"] if self.how.firmware else []
        actions = "panic=none"
        if self._hv["reboot_behavior"] == "exit":
            actions += ",reboot=shutdown"
        return [
            *("-name", f"guest={name},process={quoted(self.guest.name[:15])}"),
            *("-uuid", self.guest.uuid),
            *("-machine", ",".join(words)),
            *("-no-user-config", "-nodefaults", "-display", "none", "-action", actions),
            *("-rtc", "base=localtime" if self._hv["use_localtime"] else "base=utc"),
            *self._firmware(),
        ]

    def _firmware(self) -> list[str]:
        if self.how.firmware is None:
            return []
        code = {"driver": "file", "filename": str(self.how.firmware.code)}
        return [
            *in_json("-blockdev", {"driver": "raw", "node-name": "code", "read-only": True,
                                   "file": code}),
            *in_json("-blockdev", {"driver": "raw", "node-name": "variables",
                                   "file": {"driver": "file", "filename": self.places.nvram}}),
        ]  # fmt: skip

    def _processors(self) -> list[str]:
        accelerator = self._accelerator()
        default = "max"
        if accelerator == "kvm":
            default = "host"
        elif accelerator == "tcg":
            accelerator = "tcg,tb-size=64"
        counts = [str(self.guest.vcpus)]
        counts += [
            f"{key}={self._hv['cpu_' + key]}"
            for key in ("sockets", "cores", "threads")
            if self._hv["cpu_" + key]
        ]
        return [
            *("-accel", accelerator),
            *("-cpu", str(self._hv["cpu_type"] or default)),
            *("-smp", ",".join(counts)),
        ]

    def _accelerator(self) -> str:
        by_flag = {"": self.machine.accelerator, "enabled": "kvm", "disabled": "tcg"}
        return by_flag[self._hv["kvm_flag"]]

    def _memory(self) -> list[str]:
        path, memory_kib = self._hv["mem_path"], self.guest.memory_mib * 1024
        if self._accelerator() == "tcg" and not path:
            memory_kib += ODD_KIB
        return [
            *("-m", f"{memory_kib}K"),
            *(("-mem-path", path, "-mem-prealloc") if path else ()),
        ]

    def _common_devices(self) -> list[str]:
        at = self.layout.fixed
        wanted: list[Properties] = [
            {"driver": "virtio-rng-pci", "rng": "rng0", "id": "rng", **at("rng")},
            {"driver": "virtio-balloon-pci", "id": "balloon", "deflate-on-oom": True,
             **at("balloon")},
            {"driver": "pvpanic", "id": "panic"},
            *usb_devices(self._hv, at("usb"), self.layout.is_q35),
            *channel_devices(self._hv, at("channels")),
        ]  # fmt: skip
        if self._hv["disk_type"].startswith("scsi"):
            kind = self._hv["scsi_controller_type"]
            wanted.append({"driver": SCSI.get(kind, kind), "id": "scsi0", **at("scsi")})
        return [
            *("-object", "rng-random,id=rng0,filename=/dev/urandom"),
            *devices(wanted),
        ]

    def _boot(self) -> list[str]:
        kernel = self._hv["kernel_path"]
        if not kernel:
            return ["-boot", "strict=on,menu=off"]
        words = [f"root={self._hv['root_path']}"] if self._hv["root_path"] else []
        words.append(self._hv["kernel_args"] or "ro")
        if self._hv["serial_console"]:
            words.append(f"console=ttyS0,{self._hv['serial_speed']}")
        initrd = self._hv["initrd_path"]
        return [
            *("-kernel", kernel),
            *(("-initrd", initrd) if initrd else ()),
            *("-append", " ".join(words)),
        ]


def quoted(value: str) -> str:
    """In QEMU's option syntax a comma within a value is doubled."""
    return value.replace(",", ",,")
