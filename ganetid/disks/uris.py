"""
The addresses of disks that QEMU knows, as providers of external storage write them.

Source: QEMU 7.2, qemu(1) "Device URL Syntax"; ``nbd:`` is its older form.
"""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from ganetid.hypervisor.interface import Drive, FileDrive, NbdDrive, NbdHostDrive

NBD_PORT = 10809


class UnknownAddress(Exception):
    """No address of a disk that a guest here can have."""


def drive_at(address: str, read_only: bool = False) -> Drive:
    """
    The disk at ``nbd:unix:PATH``, ``nbd:HOST:PORT`` (both with ``:exportname=NAME``),
    ``nbd+unix:///NAME?socket=PATH``, ``nbd://HOST:PORT/NAME``, ``file:PATH`` or a plain path.

    Raises UnknownAddress.
    """
    try:
        return _drive_at(address, read_only)
    except ValueError:
        raise UnknownAddress(address) from None


def address_of(drive: Drive) -> str:
    """The address that QEMU's programs take; of files and devices, the path."""
    match drive:
        case NbdDrive(socket, export):
            return f"nbd:unix:{socket}" + (f":exportname={export}" if export else "")
        case NbdHostDrive(host, port, export):
            return f"nbd:{host}:{port}" + (f":exportname={export}" if export else "")
        case _:
            return drive.path


def _drive_at(address: str, read_only: bool) -> Drive:
    if address.startswith("/"):
        return FileDrive(address, read_only)
    scheme, _, rest = address.partition(":")
    if scheme == "file":
        return FileDrive(_absolute(rest.removeprefix("//")), read_only)
    if scheme == "nbd" and not rest.startswith("//"):
        return _older(rest, read_only)
    parts = urlsplit(address)
    export = unquote(parts.path.removeprefix("/"))
    if scheme == "nbd+unix":
        return NbdDrive(_absolute(parse_qs(parts.query).get("socket", [""])[0]), export, read_only)
    if scheme in {"nbd", "nbd+tcp"} and parts.hostname:
        return NbdHostDrive(parts.hostname, parts.port or NBD_PORT, export, read_only)
    raise ValueError(address)


def _older(rest: str, read_only: bool) -> Drive:
    place, _, export = rest.partition(":exportname=")
    if place.startswith("unix:"):
        return NbdDrive(_absolute(place.removeprefix("unix:")), export, read_only)
    host, _, port = place.rpartition(":")
    if not host:
        raise ValueError(rest)
    return NbdHostDrive(host.strip("[]"), int(port), export, read_only)


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError(path)
    return path
