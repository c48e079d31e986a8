"""
The directory of a guest's run: made, given to the guest's user, read again after a restart.

All functions block.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.logger import Logger

from ganetid.hypervisor import unprivileged
from ganetid.hypervisor.command_line import Machine
from ganetid.hypervisor.firmware import Firmware, firmware, keep_variables
from ganetid.hypervisor.launch import Ends, open_ends
from ganetid.hypervisor.paths import Places
from ganetid.hypervisor.process import arguments_of
from ganetid.hypervisor.unprivileged import AUTO, Identity, Unreachable
from ganetid.hypervisor.values import Guest
from ganetid.opcodes.errors import HypervisorError

_log = Logger()
_choosing = threading.Lock()  # so that no two guests that start at once get one user


@frozen
class Prepared:
    """All that QEMU finds when it starts.  identity: the user it runs as, None for our own."""

    identity: Identity | None
    ends: Ends
    firmware: Firmware | None


@frozen
class Started:
    """How a guest was started, as far as QEMU does not tell."""

    memory_mib: int
    vcpus: int
    hvparams: dict[str, Any]


def prepare(guest: Guest, machine: Machine, places: Places, is_incoming: bool) -> Prepared:
    """
    Make the run's directory afresh, and choose the guest's user.

    guest: with all its parameters.  Raises HypervisorError, OSError.
    """
    directory = Path(places.directory)
    log = Path(places.serial_log)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.touch(mode=0o600)
    chosen = None
    if guest.hvparams["boot_type"] == "uefi":
        chosen = firmware(guest.hvparams["firmware_path"])
        keep_variables(chosen, Path(places.nvram))
    with _choosing:
        shutil.rmtree(directory, ignore_errors=True)
        identity = _identity(guest, machine, places)
        directory.mkdir(mode=0o700, parents=True)
        if identity is not None:
            os.chown(directory, identity.uid, identity.gid)
    record = {"memory_mib": guest.memory_mib, "vcpus": guest.vcpus, "hvparams": guest.hvparams}
    _write(Path(places.started), json.dumps(record))
    if is_incoming:
        _write(Path(places.arriving), "")
    return Prepared(identity, open_ends(places), chosen)


def started(places: Places) -> Started | None:
    """How the guest was started; None when that was not kept."""
    try:
        return Started(**json.loads(Path(places.started).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def password_of(hvparams: Mapping[str, Any]) -> str | None:
    """The password of the guest's screen, if it has one.  Raises HypervisorError."""
    path = hvparams["vnc_password_file"]
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, ValueError) as error:
        raise HypervisorError(f"Can't read vnc_password_file {path}: {error}") from error


def lend_credentials(source: str, target: str, pid: int) -> None:
    """Copy TLS credentials to where the process of a guest can read them.  Raises OSError."""
    directory = Path(target)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    files = [directory]
    for path in Path(source).glob("*.pem"):
        copy = directory / path.name
        _write(copy, path.read_text(encoding="ascii"))
        files.append(copy)
    identity = unprivileged.identity_of_process(pid)
    if identity is not None:
        for path in files:
            os.chown(path, identity.uid, identity.gid)


def processes(run_directory: Path) -> dict[str, int]:
    """
    QEMUs that were told to keep their pid file in a directory of ours: its name, the process.

    Also those that did not get to write it.
    """
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            arguments = arguments_of(int(entry.name))
            path = _pid_file(arguments)
            if path is not None and path.parent.parent == run_directory:
                found[path.parent.name] = int(entry.name)
    return found


def _pid_file(arguments: list[str]) -> Path | None:
    if len(arguments) < 2 or arguments[-2] != "-pidfile":
        return None
    return Path(arguments[-1])


def _identity(guest: Guest, machine: Machine, places: Places) -> Identity | None:
    run_directory = Path(places.directory).parent
    identity = unprivileged.choose(guest, machine, run_directory)
    if identity is None:
        return None
    others = [Path(places.serial_log)]
    if guest.hvparams["boot_type"] == "uefi":
        others.append(Path(places.nvram))
    try:
        unprivileged.check_reach(Path(places.directory), identity)
        unprivileged.give(guest, identity, others)
    except Unreachable as error:
        if machine.user != AUTO or guest.hvparams["security_model"] != "none":
            raise HypervisorError(
                f"Instance {guest.name} can't run as user {identity.uid}, who can't use {error}"
            ) from error
        _log.warn(
            "guest {name} runs as our own user: none of its own could use {path}",
            name=guest.name, path=str(error),
        )  # fmt: skip
        return None
    return identity


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


ConsoleLog = Callable[[str], Path]
