"""
Settings of ganetid's console proxy, as they stand in its TOML file.
"""

from __future__ import annotations

import ipaddress
import socket

import msgspec

from synnefo_tx.daemon.settings import SettingsError


class ConsoleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    secret_file: shared with ganetid, which makes the tokens.
    state_dir: where used tokens are kept; made with mode 0700.
    socket_directories: consoles outside of these are not reached, whatever a token says.
    node_name: as in ganetid's settings.
    websocket_port, vnc_port: 0 any free one; None: not offered.
    certificate: PEM with key, for both.  Off loopback it is needed.
    idle_s: a session in which nothing is said for so long ends.
    stalled_s: so does one whose client takes nothing for so long.
    sessions, sessions_of_guest: at most so many at once.
    """

    secret_file: str
    state_dir: str = "/var/lib/ganetid-console"
    socket_directories: tuple[str, ...] = ("/var/lib/ganetid/run",)
    node_name: str = ""
    host: str = "127.0.0.1"
    websocket_port: int | None = 6080
    vnc_port: int | None = 6081
    certificate: str | None = None
    idle_s: float = 1800.0
    stalled_s: float = 60.0
    sessions: int = 256
    sessions_of_guest: int = 8

    def name_of_node(self) -> str:
        """The node's name; this machine's host name when none is set."""
        return self.node_name or socket.gethostname()


def check(settings: ConsoleSettings) -> None:
    """Raise SettingsError, one line, for values that can't work together."""
    try:
        is_local = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        raise SettingsError("host: must be an IP address") from None
    if not is_local and settings.certificate is None:
        raise SettingsError("certificate: needed, for others than this machine listen on that host")
    for name in ("websocket_port", "vnc_port"):
        port = getattr(settings, name)
        if port is not None and not 0 <= port <= 65535:
            raise SettingsError(f"{name}: must be 0 (any free one) to 65535")
    for name in ("idle_s", "stalled_s", "sessions", "sessions_of_guest"):
        if getattr(settings, name) <= 0:
            raise SettingsError(f"{name}: must be more than 0")
    if not settings.socket_directories:
        raise SettingsError("socket_directories: none, so there is no console to reach")
