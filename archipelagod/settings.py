"""
Settings of archipelagod: ``etc/synnefo/archipelagod.toml``.
"""

from __future__ import annotations

import os
from typing import Annotated, Literal

import msgspec

from archipelagod.nbd.settings import NbdSettings
from archipelagod.upkeep.settings import UpkeepSettings


class ArchipelagoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    state_dir: where everything is kept.  listen: Twisted endpoint of the block protocol.
    secret_file: what its clients must know; made if absent.  nbd_socket: path of a unix socket.
    store: "file" (in the state directory), "memory", or an address: ``stores.address``.
    workers: processes of the data path at most; 0 for two a CPU.
    metrics_listen: Twisted endpoint of /metrics and /healthz; empty for none.
    nbd: more of NBD: TCP, TLS, users, the default export.
    upkeep: when space of what was deleted is looked for, and all is checked, and how fast.
    """

    state_dir: str
    listen: str
    secret_file: str
    nbd_socket: str
    store: str = "file"
    datapath: Literal["process", "inline"] = "process"
    workers: Annotated[int, msgspec.Meta(ge=0)] = 0
    metrics_listen: str = ""
    nbd: NbdSettings = NbdSettings()
    upkeep: UpkeepSettings = UpkeepSettings()

    @property
    def store_spec(self) -> str:
        """
        The address of the store.
        """
        return f"file:{self.state_dir}/store" if self.store == "file" else self.store

    @property
    def most_workers(self) -> int:
        """
        How many workers there may be.
        """
        return self.workers or max(2, 2 * len(os.sched_getaffinity(0)))
