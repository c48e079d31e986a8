"""
The user that a guest's QEMU runs as, and what of this machine is given to that user.

`user` of Machine is one of
  auto       each guest has a user of its own, of numbers that nobody else has, if ganetid is root
             and that user can reach all the guest's files; else guests run as ganetid does
  none       guests run as ganetid does
  58000-58999  as auto, with these numbers; a guest whose files can't be reached does not start
  NAME       all guests run as this user
A guest's security_model (pool, user) counts before it.

Files and block devices of the guest are given to its user.  NBD sockets are not: they belong to
who serves them, and have to let the user in (archipelagod: nbd.uids).
"""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import stat
import struct
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from attrs import frozen

from ganetid.cluster.kvm_parameters import KVM_DEFAULTS
from ganetid.hypervisor.command_line import Machine
from ganetid.hypervisor.paths import OWN
from ganetid.hypervisor.values import DeviceDrive, Drive, FileDrive, Guest, NbdDrive
from ganetid.opcodes.errors import HypervisorError

AUTO, NONE = "auto", "none"
POOL = range(58000, 59000)
_RANGE = re.compile(r"(\d{3,10})-(\d{3,10})")
_TUNSETIFF, _TUNSETOWNER = 0x400454CA, 0x400454CC
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR, _IFF_MULTI_QUEUE = 0x0002, 0x1000, 0x4000, 0x0100
_CAP_SETPCAP = 8
OVERHEAD_MIB = 1536  # of QEMU itself, at most: thread stacks, translated code, buffers


@frozen
class Identity:
    """Numbers of a user and its group; groups: others that it is in."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


class Unreachable(Exception):
    """A user can't use a path; carries the path."""


def choose(guest: Guest, machine: Machine, run_directory: Path) -> Identity | None:
    """
    The user for a guest with all its parameters, None for our own.  Blocks.

    Users whose directories are in `run_directory` are taken.  Raises HypervisorError.
    """
    wanted = machine.user or AUTO
    match guest.hvparams["security_model"]:
        case "user":
            wanted = guest.hvparams["security_domain"]
        case "pool" if not _RANGE.fullmatch(wanted):
            wanted = f"{POOL[0]}-{POOL[-1]}"
    if wanted == NONE or (wanted == AUTO and os.geteuid() != 0):
        return None
    if os.geteuid() != 0:
        raise HypervisorError(f"Only root can run guests as {wanted}")
    return _with_groups(_numbers(wanted, run_directory), guest, machine)


def prefix(guest: Guest, identity: Identity | None) -> tuple[str, ...]:
    """Programs that start QEMU in a session of its own, bounded, and as its user."""
    data = (guest.memory_mib + OVERHEAD_MIB) * 1024 * 1024
    words = ["setsid", "prlimit", "--core=0", f"--data={data}", "--"]
    if identity is not None:
        groups = [f"--groups={','.join(map(str, identity.groups))}"] if identity.groups else []
        words += [
            *("setpriv", f"--reuid={identity.uid}", f"--regid={identity.gid}"),
            *(groups or ["--clear-groups"]),
            *(("--bounding-set=-all",) if _may_bound() else ()),
            *("--inh-caps=-all", "--no-new-privs", "--"),
        ]
    return tuple(words)


@cache
def _may_bound() -> bool:
    """
    Whether we may take capabilities from the set that a process can ever get.

    Without new privileges it gets none either; this is the second lock.
    """
    said = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    held = re.search(r"^CapEff:\s*([0-9a-f]+)$", said, re.MULTILINE)
    return held is not None and bool(int(held[1], 16) & 1 << _CAP_SETPCAP)


def give(
    guest: Guest, identity: Identity, others: Iterable[Path], home: Path | None = None
) -> None:
    """
    Let the guest's user use the files of its drives, and `others`.  Blocks.

    home: the way through it is opened.  Raises Unreachable for what the user can't use all the
    same; OSError.
    """
    files = [Path(drive.path) for drive in guest.drives if isinstance(drive, FileDrive)]
    devices = [Path(drive.path) for drive in guest.drives if isinstance(drive, DeviceDrive)]
    if guest.config_drive is not None:
        files.append(Path(guest.config_drive))
    files += others
    if home is not None:
        open_way(home, files)
    for path in (*files, *devices):
        check_reach(path, identity)
    for drive in guest.drives:
        if isinstance(drive, NbdDrive):
            check_reach(Path(drive.socket), identity, stat.S_IWOTH)
    for name in ("kernel_path", "initrd_path", "floppy_image_path"):
        if guest.hvparams[name]:
            check_reach(Path(guest.hvparams[name]), identity, stat.S_IROTH)
    for path in (*files, *devices):
        if path.exists():
            os.chown(path, identity.uid, identity.gid)
    for path in files:
        if path.is_file():
            path.chmod(0o600)  # for others can pass through its directories


def give_drive(name: str, pid: int, drive: Drive, home: str | None) -> None:
    """Let the user of a guest's process use one more drive.  Blocks.  Raises HypervisorError."""
    identity = identity_of_process(pid)
    if identity is None:
        return
    guest = Guest(name, "", 0, 0, drives=(drive,), hvparams=dict(KVM_DEFAULTS))
    try:
        give(guest, identity, (), Path(home) if home is not None else None)
    except (Unreachable, OSError) as error:
        raise HypervisorError(f"Instance {name} can't use the disk: {error}") from error


def open_way(home: Path, files: Iterable[Path]) -> None:
    """
    Let others pass, but not look, through directories of ours to the files; all else in `home`
    is made ours alone.  Blocks.  Raises OSError.
    """
    ways = {parent for path in files for parent in path.parents if _is_within(parent, home)}
    for entry in home.iterdir():
        mode = entry.lstat().st_mode
        is_way = entry in ways or any(_is_within(way, entry) for way in ways)
        # A directory that others can only pass through is the way to another guest's files.
        shown = 0o066 if stat.S_ISDIR(mode) else 0o077
        if (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and mode & shown and not is_way:
            entry.chmod(stat.S_IMODE(mode) & 0o700)
    for way in ways:
        mode = way.stat().st_mode
        if not mode & 0o001:
            way.chmod(stat.S_IMODE(mode) | 0o011)


def _is_within(path: Path, home: Path) -> bool:
    return path == home or home in path.parents


def check_reach(path: Path, identity: Identity, others_need: int = 0) -> None:
    """
    Raise Unreachable unless the user gets to the path.

    others_need: the permission bit of others, for a file that is not the user's.
    """
    for parent in path.absolute().parents:
        if not _allows(parent, identity, stat.S_IXOTH):
            raise Unreachable(str(parent))
    if others_need and not _allows(path, identity, others_need):
        raise Unreachable(str(path))


def may_use_vhost(identity: Identity | None, device: Path = Path("/dev/vhost-net")) -> bool:
    """Whether the guest's user can have the kernel carry packets: QEMU breaks if it can't."""
    if identity is None:
        return os.access(device, os.R_OK | os.W_OK)
    return all(_allows(device, identity, bit) for bit in (stat.S_IROTH, stat.S_IWOTH))


def own_tap(tap: str, uid: int, queues: int = 1) -> None:
    """Let a user attach to a tap.  Within the tap's network namespace; blocks.  Raises OSError."""
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        flags = _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR | (_IFF_MULTI_QUEUE if queues > 1 else 0)
        fcntl.ioctl(handle, _TUNSETIFF, struct.pack("16sH22x", tap.encode("ascii"), flags))
        fcntl.ioctl(handle, _TUNSETOWNER, uid)
    finally:
        os.close(handle)


def identity_of_process(pid: int) -> Identity | None:
    """The user that a process runs as, None if it is our own, or there is no process."""
    try:
        found = Path(f"/proc/{pid}").stat()
    except OSError:
        return None
    return None if found.st_uid == os.geteuid() else Identity(found.st_uid, found.st_gid)


def _numbers(wanted: str, run_directory: Path) -> Identity:
    bounds = _RANGE.fullmatch(wanted)
    if bounds is None and wanted != AUTO:
        try:
            user = pwd.getpwnam(wanted)
        except KeyError:
            raise HypervisorError(f"There is no user {wanted} to run guests as") from None
        return Identity(user.pw_uid, user.pw_gid)
    pool = POOL if bounds is None else range(int(bounds[1]), int(bounds[2]) + 1)
    taken = {path.stat().st_uid for path in run_directory.glob(f"*/{OWN}")}
    for uid in pool:
        if uid not in taken and not _is_somebody(uid):
            return Identity(uid, uid)
    raise HypervisorError(f"All users for guests are taken: {pool[0]} to {pool[-1]}")


def _is_somebody(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _with_groups(identity: Identity, guest: Guest, machine: Machine) -> Identity:
    uses_kvm = machine.accelerator == "kvm" or guest.hvparams["kvm_flag"] == "enabled"
    if not uses_kvm:
        return identity
    try:
        group = Path("/dev/kvm").stat().st_gid
    except OSError:
        return identity
    return Identity(identity.uid, identity.gid, (group,) if group else ())


def _allows(path: Path, identity: Identity, bit: int) -> bool:
    """Whether the user has the permission that `bit` is for others."""
    try:
        found = path.stat()
    except OSError:
        return False
    if found.st_uid == identity.uid:
        return bool(found.st_mode & (bit << 6))
    if found.st_gid in {identity.gid, *identity.groups}:
        return bool(found.st_mode & (bit << 3))
    return bool(found.st_mode & bit)
