"""
Settings of archipelagod: ``etc/synnefo/archipelagod.toml``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from archipelagod.nbd.settings import NbdSettings


class ArchipelagoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    state_dir: where everything is kept.  listen: Twisted endpoint of the block protocol.
    secret_file: what its clients must know; made if absent.  nbd_socket: path of a unix socket.
    nbd: more of NBD: TCP, TLS, users, the default export.
    """

    state_dir: str
    listen: str
    secret_file: str
    nbd_socket: str
    store: Literal["file", "memory"] = "file"
    datapath: Literal["process", "inline"] = "process"
    nbd: NbdSettings = NbdSettings()
