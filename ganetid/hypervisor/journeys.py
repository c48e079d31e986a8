"""
What is said of a guest's way from one node to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen


@frozen
class MigrationDoor:
    """
    How a destination listens.

    address: IP address for TCP; None: a unix socket, for a source on the same machine.
    port: of TCP; 0: one that is free.
    tls: directory with ca-cert.pem and server-cert.pem, server-key.pem (of the source:
    client-cert.pem, client-key.pem); both sides prove who they are.
    """

    address: str | None = None
    port: int = 0
    tls: str | None = None


@frozen
class MigrationSettings:
    """
    How a source sends.  Source of names and defaults: Ganeti's hvparams migration_*.

    bandwidth_mib_s: MiB/s, 0 for no limit.  downtime_ms: pause that is aimed at.
    capabilities: QEMU's, beside those that are always on.  is_live: False stops the guest first.
    tls, tls_host: directory as in MigrationDoor, and the destination's name in its certificate.
    patience_s: how long the guest may be on its way before all is called off.
    """

    bandwidth_mib_s: int = 0
    downtime_ms: int = 30
    capabilities: tuple[str, ...] = ()
    is_live: bool = True
    tls: str | None = None
    tls_host: str | None = None
    patience_s: float = 3600.0

    @classmethod
    def from_hvparams(cls, hvparams: Mapping[str, Any], **others: Any) -> MigrationSettings:
        """What Ganeti's parameters say."""
        capabilities = str(hvparams.get("migration_caps") or "")
        return cls(
            bandwidth_mib_s=int(hvparams.get("migration_bandwidth", 32)),
            downtime_ms=int(hvparams.get("migration_downtime", 30)),
            capabilities=tuple(each for each in capabilities.split(":") if each),
            is_live=hvparams.get("migration_mode", "live") == "live",
            **others,
        )


@frozen
class MigrationProgress:
    """How far it is: bytes of the guest's memory; rounds: how often all that changed was sent."""

    sent_bytes: int
    remaining_bytes: int
    total_bytes: int
    rounds: int


@frozen
class Migrated:
    """
    The guest has left: as the source's QEMU measured it, in ms.

    downtime_ms: from the guest's stop to the last byte; what the destination needs to let it go
    on comes on top.  was_running: False for a guest that was paused already.
    """

    downtime_ms: int
    total_ms: int
    setup_ms: int
    sent_bytes: int
    was_running: bool = True
