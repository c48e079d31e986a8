"""
Which networking this node can do: found out once, at start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.logger import Logger

from ganetid.network.interface import INodeNetwork
from ganetid.network.tap import TapNetwork, TapSettings
from ganetid.network.user import UserNetwork

CAP_NET_ADMIN = 12
_log = Logger()


def choose(
    reactor: Any, cluster: str, mode: str, settings: TapSettings, directory: Path
) -> INodeNetwork:
    """
    The node's network.  mode: tap, user, or auto: taps where they are possible.

    cluster: its name, which the node's own taps and tables bear.  directory: the node's own files.

    Raises OSError for mode tap where it can't be.
    """
    missing = missing_for_taps() if mode != "user" else "the settings say so"
    if missing is None:
        has_nft = shutil.which("nft", path=_path()) is not None
        if not has_nft:
            _log.warn("no nft program: guests are neither masqueraded nor guarded")
        allowed = settings.masquerade and has_nft
        return TapNetwork(reactor, cluster, evolve(settings, masquerade=allowed), directory)
    if mode == "tap":
        raise OSError(f"taps are not possible: {missing}")
    _log.warn(
        "guests get QEMU's user networking and can't reach each other: {reason}", reason=missing
    )
    return UserNetwork()


def missing_for_taps() -> str | None:
    """What keeps this process from making taps, None when nothing does."""
    if not _capabilities() >> CAP_NET_ADMIN & 1:
        return "no capability CAP_NET_ADMIN"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun can't be opened"
    if shutil.which("ip", path=_path()) is None:
        return "no ip program"
    if shutil.which("nft", path=_path()) is not None and not _filters_bridges():
        return "no br_netfilter in the kernel, without which guests can't be guarded"
    return None


def _filters_bridges() -> bool:
    """Whether bridged packets meet packet rules; the module for it is loaded if it is there."""
    place = Path("/proc/sys/net/bridge")
    program = shutil.which("modprobe", path=_path())
    if not place.exists() and program is not None:
        subprocess.run(
            [program, "-q", "br_netfilter"], check=False, capture_output=True, timeout=10
        )
    return place.exists()


def resolvers(path: Path = Path("/etc/resolv.conf")) -> tuple[str, ...]:
    """This machine's own IPv4 name servers that guests can reach too."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    named = [each[1] for each in words if len(each) >= 2 and each[0] == "nameserver"]
    return tuple(each for each in named if is_address(each) and not each.startswith("127."))


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 address."""
    parts = text.split(".")
    return len(parts) == 4 and all(part.isdecimal() and int(part) < 256 for part in parts)


def _capabilities() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _path() -> str:
    return os.environ.get("PATH", "") + os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"
