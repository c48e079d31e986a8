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

from attrs import asdict, frozen
from twisted.logger import Logger

from ganetid.hypervisor import unprivileged
from ganetid.hypervisor.command_line import Machine
from ganetid.hypervisor.firmware import Firmware, firmware, keep_variables
from ganetid.hypervisor.launch import Ends, open_ends
from ganetid.hypervisor.paths import OWN, Places
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
    namespace: str | None = None


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
        for made in (directory, Path(places.own)):
            made.mkdir(mode=0o700, parents=True)
            if identity is not None:
                os.chown(made, identity.uid, identity.gid)
    record = Started(guest.memory_mib, guest.vcpus, guest.hvparams, guest.namespace)
    _write(Path(places.started), json.dumps(asdict(record)))
    if is_incoming:
        _write(Path(places.arriving), "")
    return Prepared(identity, open_ends(places), chosen)


def seal(places: Places) -> None:
    """
    Take back the run's directory, in which QEMU has made its sockets.  Raises OSError.

    Until now only QEMU itself has run, no guest.  From now on nobody who breaks out of the guest
    can put something else, say another guest's console, where a socket of its own was.
    """
    directory = Path(places.directory)
    if directory.stat().st_uid != os.geteuid():
        directory.chmod(0o711)
        os.chown(directory, os.geteuid(), os.getegid())


def started(places: Places) -> Started | None:
    """How the guest was started; None when that was not kept."""
    try:
        return Started(**json.loads(Path(places.started).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def password_of(hvparams: Mapping[str, Any], protocol: str) -> str | None:
    """The password of the guest's screen (vnc or spice), if any.  Raises HypervisorError."""
    name = f"{protocol}_password_file"
    path = hvparams[name]
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, ValueError) as error:
        raise HypervisorError(f"Can't read {name} {path}: {error}") from error


def lend_credentials(source: str, target: str, pid: int) -> None:
    """
    Copy TLS credentials to where the process of a guest can read them.  Raises OSError.

    The target's parent is the guest's user's, so no path in it is trusted to be what it was.
    """
    identity = unprivileged.identity_of_process(pid)
    shutil.rmtree(target, ignore_errors=True)
    Path(target).mkdir(mode=0o700)
    directory = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for path in Path(source).glob("*.pem"):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(path.name, flags, 0o600, dir_fd=directory), "wb") as copy:
                copy.write(path.read_bytes())
                _hand_over(copy.fileno(), identity)
        _hand_over(directory, identity)
    finally:
        os.close(directory)


def processes(run_directory: Path) -> dict[str, int]:
    """
    QEMUs that were told to keep their pid file in a directory of ours: its name, the process.

    Also those that did not get to write it.
    """
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            arguments = arguments_of(int(entry.name))
            directory = _run_of(arguments)
            if directory is None or directory.parent != run_directory:
                continue
            if _is_owner(entry, directory / OWN):
                found[directory.name] = int(entry.name)
    return found


def _run_of(arguments: list[str]) -> Path | None:
    if len(arguments) < 2 or arguments[-2] != "-pidfile":
        return None
    return Path(arguments[-1]).parent.parent


def _is_owner(process: Path, own: Path) -> bool:
    """Whether the process is the run's user's, or still ours: others may claim what they like."""
    try:
        return process.stat().st_uid in {own.stat().st_uid, os.geteuid()}
    except OSError:
        return False


def _hand_over(descriptor: int, identity: Identity | None) -> None:
    if identity is not None:
        os.fchown(descriptor, identity.uid, identity.gid)


def _identity(guest: Guest, machine: Machine, places: Places) -> Identity | None:
    run_directory = Path(places.directory).parent
    identity = unprivileged.choose(guest, machine, run_directory)
    if identity is None:
        return None
    others = [Path(places.serial_log)]
    if guest.hvparams["boot_type"] == "uefi":
        others.append(Path(places.nvram))
    try:
        home = Path(machine.home) if machine.home is not None else None
        if home is not None:
            unprivileged.open_way(home, [Path(places.directory), *others])
        unprivileged.check_reach(Path(places.directory), identity)
        unprivileged.give(guest, identity, others, home)
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
