"""
A guest's consoles on QEMU's command line: monitor, serial port, guest agent, screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.kvm_parameters import is_path
from ganetid.hypervisor.extras import vga_device
from ganetid.hypervisor.paths import Places
from ganetid.hypervisor.places import layout
from ganetid.hypervisor.spice import is_wanted, spice_arguments
from ganetid.hypervisor.values import Guest

FIRST_DISPLAY_PORT = 5900
FIRST_PORT, LAST_PORT = 11000, 14999  # Ganeti's pool


def console_arguments(guest: Guest, places: Places, qmp_fd: int | None) -> list[str]:
    """The options.  `guest` has all its parameters."""
    at = layout(str(guest.hvparams["machine_version"]), 0, 0, guest.hvparams).fixed("vga")
    monitor = f"path={_quoted(places.qmp)}" if qmp_fd is None else f"fd={qmp_fd}"
    agent = f"socket,id=agent,path={_quoted(places.agent)},server=on,wait=off"
    return [
        *("-chardev", f"socket,id=qmp,{monitor},server=on,wait=off"),
        *("-mon", "chardev=qmp,mode=control"),
        *("-chardev", _serial(places)),
        *("-serial", "chardev:serial0"),
        *(("-chardev", agent) if guest.hvparams["use_guest_agent"] else ()),
        *vga_device(guest.hvparams, at),
        *(spice_arguments(guest) if is_wanted(guest.hvparams) else _vnc(guest, places)),
    ]


def vnc_socket(hvparams: Mapping[str, Any], name: str, places: Places) -> str | None:
    """The socket that the guest's screen is at, None if it is at a TCP port."""
    bind = hvparams.get("vnc_bind_address") or ""
    if not bind:
        return places.vnc
    return f"{bind}/{name}.vnc" if is_path(bind) else None


def _serial(places: Places) -> str:
    """QEMU itself keeps the log, so it goes on while nobody is connected."""
    return (
        f"socket,id=serial0,path={_quoted(places.serial)},server=on,wait=off,"
        f"logfile={_quoted(places.serial_log)},logappend=on"
    )


def _vnc(guest: Guest, places: Places) -> list[str]:
    hvparams, before, words = guest.hvparams, [], [""]
    socket = vnc_socket(hvparams, guest.name, places)
    if socket is not None:
        words = [f"unix:{_quoted(socket)}"]
    elif guest.vnc_port is not None:
        words = [f"{hvparams['vnc_bind_address']}:{guest.vnc_port - FIRST_DISPLAY_PORT}"]
    else:
        # QEMU takes the first port from here on that is free.
        first, last = (port - FIRST_DISPLAY_PORT for port in (FIRST_PORT, LAST_PORT))
        words = [f"{hvparams['vnc_bind_address']}:{first}", f"to={last}"]
    if hvparams["vnc_password_file"]:
        words.append("password=on")  # it is told by QMP
    if hvparams["vnc_x509_path"]:
        verify = "on" if hvparams["vnc_x509_verify"] else "off"
        credentials = f"endpoint=server,dir={_quoted(hvparams['vnc_x509_path'])}"
        before = ["-object", f"tls-creds-x509,id=vnctls,{credentials},verify-peer={verify}"]
    elif hvparams["vnc_tls"]:
        before = ["-object", "tls-creds-anon,id=vnctls,endpoint=server"]
    if before:
        words.append("tls-creds=vnctls")
    if hvparams["keymap"]:
        before += ["-k", hvparams["keymap"]]
    return [*before, "-vnc", ",".join(words)]


def _quoted(value: str) -> str:
    """In QEMU's option syntax a comma within a value is doubled."""
    return value.replace(",", ",,")
