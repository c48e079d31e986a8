"""
Ganeti's parameters of the KVM hypervisor: names, defaults, and what each may be.

Source: Ganeti 3.0.2, Constants.hs (hvcDefaults), hv_kvm.PARAMETERS and validation.py.  Defaults
differ where Ganeti's would not work here: kernel_path names a file of Ganeti's own package.
kvm_path's default stands for the QEMU that the node has.  boot_type (bios, uefi) and
firmware_path are ours.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

KVM_DEFAULTS: Mapping[str, Any] = {
    "acpi": True,
    "boot_order": "disk",
    "boot_type": "bios",
    "cdrom2_image_path": "",
    "cdrom_disk_type": "",
    "cdrom_image_path": "",
    "cpu_cores": 0,
    "cpu_mask": "all",
    "cpu_sockets": 0,
    "cpu_threads": 0,
    "cpu_type": "",
    "disk_aio": "threads",
    "disk_cache": "default",
    "disk_discard": "ignore",
    "disk_type": "paravirtual",
    "firmware_path": "",
    "floppy_image_path": "",
    "initrd_path": "",
    "kernel_args": "ro",
    "kernel_path": "",
    "keymap": "",
    "kvm_extra": "",
    "kvm_flag": "",
    "kvm_path": "/usr/bin/kvm",
    "kvm_pci_reservations": 12,
    "machine_version": "",
    "mem_path": "",
    "migration_bandwidth": 32,
    "migration_caps": "",
    "migration_downtime": 30,
    "migration_mode": "live",
    "migration_port": 8102,
    "nic_type": "paravirtual",
    "reboot_behavior": "reboot",
    "root_path": "/dev/vda1",
    "scsi_controller_type": "lsi",
    "security_domain": "",
    "security_model": "none",
    "serial_console": True,
    "serial_speed": 38400,
    "soundhw": "",
    "spice_bind": "",
    "spice_image_compression": "",
    "spice_ip_version": 0,
    "spice_jpeg_wan_compression": "",
    "spice_password_file": "",
    "spice_playback_compression": True,
    "spice_streaming_video": "",
    "spice_tls_ciphers": "HIGH:-DES:-3DES:-EXPORT:-DH",
    "spice_use_tls": False,
    "spice_use_vdagent": True,
    "spice_zlib_glz_wan_compression": "",
    "usb_devices": "",
    "usb_mouse": "",
    "use_chroot": False,
    "use_guest_agent": False,
    "use_localtime": False,
    "user_shutdown": False,
    "vga": "",
    "vhost_net": True,
    "virtio_net_queues": 1,
    "vnc_bind_address": "",
    "vnc_password_file": "",
    "vnc_tls": False,
    "vnc_x509_path": "",
    "vnc_x509_verify": False,
    "vnet_hdr": True,
}

SERIAL_SPEEDS = (75, 110, 300, 600, 1200, 1800, 2400, 4800, 9600, 14400, 19200, 28800, 38400,
                 57600, 115200, 345600, 460800)  # fmt: skip
_DISKS = ("ide", "mtd", "paravirtual", "pflash", "scsi", "scsi-block", "scsi-cd", "scsi-generic",
          "scsi-hd", "sd")  # fmt: skip
_NICS = ("e1000", "i82551", "i82557b", "i82559er", "ne2k_isa", "ne2k_pci", "paravirtual", "pcnet",
         "rtl8139")  # fmt: skip

CHOICES: Mapping[str, tuple[Any, ...]] = {
    "boot_order": ("cdrom", "disk", "floppy", "network"),
    "boot_type": ("bios", "uefi"),
    "cdrom_disk_type": ("", *_DISKS),
    "disk_aio": ("threads", "native", "io_uring"),
    "disk_cache": ("default", "none", "writeback", "writethrough"),
    "disk_discard": ("ignore", "unmap"),
    "disk_type": _DISKS,
    "kvm_flag": ("", "disabled", "enabled"),
    "migration_mode": ("live", "non-live"),
    "nic_type": _NICS,
    "reboot_behavior": ("reboot", "exit"),
    "scsi_controller_type": ("dc390", "lsi", "megasas", "virtio-scsi-pci"),
    "security_model": ("none", "pool", "user"),
    "spice_image_compression": ("", "auto_glz", "auto_lz", "glz", "lz", "off", "quic"),
    "spice_ip_version": (0, 4, 6),
    "spice_jpeg_wan_compression": ("", "always", "auto", "never"),
    "spice_streaming_video": ("", "all", "filter", "off"),
    "spice_zlib_glz_wan_compression": ("", "always", "auto", "never"),
    "usb_mouse": ("", "mouse", "tablet"),
    "vga": ("", "cirrus", "none", "qxl", "std", "virtio"),
}

_PATHS = frozenset({
    "firmware_path", "floppy_image_path", "initrd_path", "kernel_path", "mem_path",
    "spice_password_file", "vnc_password_file", "vnc_x509_path",
})  # fmt: skip
_WORD = re.compile(r"[A-Za-z0-9._+-]*")
_CPU = re.compile(r"[A-Za-z0-9._+-]*(,[+-]?[A-Za-z0-9._-]+(=[A-Za-z0-9._-]+)?)*")
_QEMU = re.compile(r"(/usr/bin|/usr/libexec|/usr/local/bin)/(kvm|qemu-kvm|qemu-system-[a-z0-9_]+)")
_MASK = re.compile(r"(\d+(-\d+)?|all)([,:](\d+(-\d+)?|all))*")
_DEVICES = re.compile(r"((tablet|mouse|kbd)([ ,](?=\w))?)*")
_SOUND = re.compile(r"((hda|ac97|es1370)(,(?=\w))?)*")


class BadKvmParameter(Exception):
    """A parameter that can't be so; the text is Ganeti's where it has one."""


def check_value(name: str, value: Any) -> None:
    """Raise BadKvmParameter unless the parameter may be this.  `value` has its type already."""
    wrong = _wrong(name, value)
    if wrong:
        raise BadKvmParameter(
            f"Hypervisor parameter '{name}' fails syntax check: {wrong} (current value: '{value}')"
        )


def check_together(filled: Mapping[str, Any]) -> None:
    """Raise BadKvmParameter for parameters, all filled in, that can't be together."""
    for is_wrong, text in _TOGETHER:
        if is_wrong(filled):
            raise BadKvmParameter(text)


def _wrong(name: str, value: Any) -> str | None:
    if name in CHOICES:
        known = ", ".join(str(each) for each in CHOICES[name])
        return None if value in CHOICES[name] else f"The value must be one of: {known}"
    if isinstance(value, int) and not isinstance(value, bool):
        return _wrong_number(name, value)
    if name in _PATHS:
        return None if not value or is_path(value) else "must be an absolute normalized path"
    if name in _RULES and value:
        text, is_right = _RULES[name]
        return None if is_right(value) else text
    return None


def _wrong_number(name: str, value: int) -> str | None:
    low, high = _NUMBERS.get(name, (0, 2**31 - 1))
    if value < low:
        return "cannot be negative" if low == 0 else f"must be at least {low}"
    return None if value <= high else f"must be at most {high}"


def is_path(text: str) -> bool:
    """Whether this is an absolute path in its normal form, as Ganeti wants them."""
    path = PurePosixPath(text)
    return path.is_absolute() and str(path) == text and ".." not in path.parts


def is_url(text: str) -> bool:
    """Whether QEMU can read an image there."""
    return re.fullmatch(r"(https?|ftp)://[^\s,]+", text) is not None


def is_address(text: str) -> bool:
    """Whether this is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _version_of(text: str) -> int | None:
    return ipaddress.ip_address(text).version if is_address(text) else None


def _can_be_split(text: str) -> bool:
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True


_NUMBERS: Mapping[str, tuple[int, int]] = {
    "migration_port": (1, 65534),
    "kvm_pci_reservations": (0, 32),
    "virtio_net_queues": (1, 8),
    "cpu_cores": (0, 512),
    "cpu_sockets": (0, 512),
    "cpu_threads": (0, 512),
    "serial_speed": (0, max(SERIAL_SPEEDS)),
}

_Rule = tuple[str, Callable[[str], Any]]
_FILE_OR_URL: _Rule = (
    "must be an absolute normalized path or a URL",
    lambda text: is_path(text) or is_url(text),
)
_RULES: Mapping[str, _Rule] = {
    "cdrom_image_path": _FILE_OR_URL,
    "cdrom2_image_path": _FILE_OR_URL,
    "vnc_bind_address": (
        "must be an IP address or an absolute path",
        lambda text: is_path(text) or is_address(text),
    ),
    "spice_bind": (
        "must be an IP address or an absolute path",
        lambda text: is_path(text) or is_address(text),
    ),
    "kvm_path": ("must be QEMU in a directory of programs", _QEMU.fullmatch),
    "machine_version": ("must be a machine type", _WORD.fullmatch),
    "cpu_type": ("must be a CPU model and its flags", _CPU.fullmatch),
    "cpu_mask": ("Multiple CPU mask definition is not well-formed", _MASK.fullmatch),
    "keymap": ("must be the name of a keymap", _WORD.fullmatch),
    "migration_caps": ("must be words with colons between", re.compile(r"[a-z0-9:-]+").fullmatch),
    "security_domain": ("must be the name of a user", _WORD.fullmatch),
    "soundhw": ("must be of hda, ac97, es1370", _SOUND.fullmatch),
    "usb_devices": ("must be of tablet, mouse, kbd", _DEVICES.fullmatch),
    "kvm_extra": ("can't be split into words", _can_be_split),
}

_OF_SPICE = ("spice_image_compression", "spice_ip_version", "spice_jpeg_wan_compression",
             "spice_password_file", "spice_streaming_video", "spice_use_tls",
             "spice_zlib_glz_wan_compression")  # fmt: skip

_TOGETHER: tuple[tuple[Callable[[Mapping[str, Any]], Any], str], ...] = (
    (
        lambda hv: hv["boot_order"] == "cdrom" and not hv["cdrom_image_path"],
        "Cannot boot from cdrom without an ISO path",
    ),
    (
        lambda hv: hv["boot_order"] == "floppy" and not hv["floppy_image_path"],
        "Cannot boot from floppy without an image path",
    ),
    (
        lambda hv: hv["kernel_path"] and not hv["root_path"],
        "Need a root partition for the instance, if a kernel is defined",
    ),
    (
        lambda hv: hv["serial_console"] and hv["serial_speed"] not in SERIAL_SPEEDS,
        f"Invalid serial console speed, must be one of: {', '.join(map(str, SERIAL_SPEEDS))}",
    ),
    (
        lambda hv: hv["vnc_x509_verify"] and not hv["vnc_x509_path"],
        "vnc_x509_path must be defined, if vnc_x509_verify is",
    ),
    (
        lambda hv: hv["security_model"] == "user" and not hv["security_domain"],
        "A security domain (user to run kvm as) must be specified",
    ),
    (
        lambda hv: hv["security_model"] != "user" and hv["security_domain"],
        "Cannot have a security domain when the security model is 'none' or 'pool'",
    ),
    (
        lambda hv: hv["disk_aio"] == "native" and hv["disk_cache"] != "none",
        "When 'disk_aio' is set to 'native', the only supported value for 'disk_cache' is 'none'.",
    ),
    (
        lambda hv: hv["disk_type"] not in {"paravirtual", "ide", "scsi", "scsi-hd"},
        "Disks here can be of disk_type paravirtual, ide, scsi and scsi-hd",
    ),
    (
        lambda hv: hv["spice_bind"] and hv["vnc_bind_address"],
        "Both SPICE and VNC are configured, but only one of them can be used at a given time",
    ),
    (
        lambda hv: not hv["spice_bind"] and any(hv[name] for name in _OF_SPICE),
        f"SPICE: {', '.join(_OF_SPICE)} require spice_bind to be set",
    ),
    (
        lambda hv: (
            hv["spice_ip_version"] and _version_of(hv["spice_bind"]) != hv["spice_ip_version"]
        ),
        "SPICE: the address in spice_bind is not of spice_ip_version",
    ),
    (lambda hv: hv["spice_use_tls"], "spice_use_tls is not supported; consoles have a proxy"),
    (lambda hv: hv["use_chroot"], "use_chroot is not supported; guests have users of their own"),
)
