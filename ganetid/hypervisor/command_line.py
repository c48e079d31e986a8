"""
The QEMU command line for a guest: a pure function.

Checked against QEMU 7.2.22.  `-sandbox` without elevateprivileges and spawn: QEMU daemonises after
the filter is in place, and dies of it with these two.
"""

from __future__ import annotations

import ipaddress
from itertools import pairwise
from typing import Any

from attrs import frozen

from ganetid.hypervisor.interface import (
    DeviceDrive,
    Drive,
    FileDrive,
    Guest,
    NbdDrive,
    NbdHostDrive,
    NicDevice,
    TapNic,
    UserNic,
)

RECONNECT_S = 300
OPEN_TIMEOUT_S = 5
SANDBOX = "on,obsolete=deny,resourcecontrol=deny"


@frozen
class Places:
    """The files of a guest's run."""

    pid: str
    qmp: str
    serial: str
    serial_log: str
    vnc: str
    log: str


@frozen
class Machine:
    """How this node runs guests: the program, and the accelerator kvm or tcg."""

    program: str
    accelerator: str
    sandbox: bool = True


def qemu_arguments(guest: Guest, machine: Machine, places: Places) -> list[str]:
    """The whole command line, program first."""
    prefix = ["ip", "netns", "exec", guest.namespace] if guest.namespace else []
    return [
        *prefix,
        machine.program,
        *_basics(guest, machine),
        *_consoles(places),
        *_boot(guest),
        *_drives(guest),
        *_nics(guest.nics),
        *("-daemonize", "-pidfile", places.pid, "-D", places.log),
    ]


def is_of_pid_file(arguments: list[str], pid_file: str) -> bool:
    """Whether these are the arguments of the QEMU that was told to write this pid file."""
    return any(option == "-pidfile" and value == pid_file for option, value in pairwise(arguments))


def _basics(guest: Guest, machine: Machine) -> list[str]:
    cpu = str(guest.hvparams.get("cpu_type") or "")
    if machine.accelerator == "kvm":
        accelerator, cpu = "kvm", cpu or "host"
    else:
        accelerator, cpu = "tcg,tb-size=64", cpu or "max"
    return [
        *("-name", f"guest={_quoted(guest.name)},process={_quoted(guest.name[:15])}"),
        *("-uuid", guest.uuid),
        *("-machine", str(guest.hvparams.get("machine_version") or "pc")),
        *("-accel", accelerator),
        *("-cpu", cpu),
        *("-m", f"{guest.memory_mib}M"),
        *("-smp", str(guest.vcpus)),
        *("-no-user-config", "-nodefaults", "-display", "none"),
        *(("-sandbox", SANDBOX) if machine.sandbox else ()),
        *("-rtc", "base=localtime" if guest.hvparams.get("use_localtime") else "base=utc"),
        *("-object", "rng-random,id=rng0,filename=/dev/urandom"),
        *("-device", "virtio-rng-pci,rng=rng0"),
    ]


def _consoles(places: Places) -> list[str]:
    return [
        *("-chardev", f"socket,id=qmp,path={_quoted(places.qmp)},server=on,wait=off"),
        *("-mon", "chardev=qmp,mode=control"),
        "-chardev",
        _serial(places),
        *("-serial", "chardev:serial0"),
        *("-device", "VGA", "-vnc", f"unix:{_quoted(places.vnc)}"),
    ]


def _serial(places: Places) -> str:
    """QEMU itself keeps the log, so it goes on while nobody is connected."""
    return (
        f"socket,id=serial0,path={_quoted(places.serial)},server=on,wait=off,"
        f"logfile={_quoted(places.serial_log)},logappend=on"
    )


def _boot(guest: Guest) -> list[str]:
    kernel = guest.hvparams.get("kernel_path")
    if not kernel:
        return ["-boot", "strict=on,menu=off"]
    initrd = guest.hvparams.get("initrd_path")
    root = guest.hvparams.get("root_path")
    words = [f"root={root}"] if root else []
    words += [str(guest.hvparams.get("kernel_args") or "ro")]
    if guest.hvparams.get("serial_console"):
        words.append("console=ttyS0")
    return [
        *("-kernel", str(kernel)),
        *(("-initrd", str(initrd)) if initrd else ()),
        *("-append", " ".join(words)),
    ]


def _drives(guest: Guest) -> list[str]:
    boots = guest.hvparams.get("boot_order", "disk") == "disk"
    arguments: list[str] = []
    for index, drive in enumerate(guest.drives):
        order = f",bootindex={index}" if boots else ""
        arguments += ["-blockdev", _block(f"disk{index}", drive)]
        arguments += ["-device", f"virtio-blk-pci,drive=disk{index},id=vd{index}{order}"]
    if guest.config_drive is not None:
        drive = FileDrive(guest.config_drive, read_only=True)
        arguments += ["-blockdev", _block("config", drive)]
        arguments += ["-device", "virtio-blk-pci,drive=config,id=vdconfig"]
    return arguments


def _block(node: str, drive: Drive) -> str:
    common = "cache.direct=off,cache.no-flush=off"
    if drive.read_only:
        common += ",read-only=on"
    else:
        common += ",discard=unmap"
    match drive:
        case NbdDrive(socket, export):
            return (
                f"driver=nbd,node-name={node},server.type=unix,server.path={_quoted(socket)},"
                f"export={_quoted(export)},reconnect-delay={RECONNECT_S},"
                f"open-timeout={OPEN_TIMEOUT_S},{common}"
            )
        case NbdHostDrive(host, port, export):
            return (
                f"driver=nbd,node-name={node},server.type=inet,server.host={_quoted(host)},"
                f"server.port={port},export={_quoted(export)},reconnect-delay={RECONNECT_S},"
                f"open-timeout={OPEN_TIMEOUT_S},{common}"
            )
        case FileDrive(path) | DeviceDrive(path):
            kind = "host_device" if isinstance(drive, DeviceDrive) else "file"
            return (
                f"driver=raw,node-name={node},{common},"
                f"file.driver={kind},file.filename={_quoted(path)},file.aio=threads"
            )


def _nics(nics: tuple[NicDevice, ...]) -> list[str]:
    arguments: list[str] = []
    for index, nic in enumerate(nics):
        arguments += ["-netdev", _netdev(index, nic)]
        arguments += ["-device", f"virtio-net-pci,netdev=net{index},mac={nic.mac},romfile="]
    return arguments


def _netdev(index: int, nic: NicDevice) -> str:
    match nic:
        case TapNic(_, tap):
            return f"tap,id=net{index},ifname={_quoted(tap)},script=no,downscript=no"
        case UserNic():
            return f"user,id=net{index}{_user_addresses(nic)}"


def _user_addresses(nic: UserNic) -> str:
    """QEMU's network gets the NIC's subnet; its helpers take addresses that the NIC leaves free."""
    if nic.subnet is None or nic.address is None:
        return ""
    subnet = ipaddress.IPv4Network(nic.subnet)
    spare = (str(host) for host in subnet.hosts() if str(host) not in {nic.address, nic.gateway})
    gateway = nic.gateway or next(spare)
    parts: dict[str, Any] = {"net": subnet, "host": gateway, "dhcpstart": nic.address}
    parts["dns"] = next(spare)
    return "".join(f",{key}={value}" for key, value in parts.items())


def _quoted(value: str) -> str:
    """In QEMU's option syntax a comma within a value is doubled."""
    return value.replace(",", ",,")
