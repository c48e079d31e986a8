"""
What a node's network keeps on the node's own disk, so that it goes on without its master.

Files hold JSON: ``networks.json``, ``groups/<group>.json`` for each security group, and
``ports/<instance>.json`` for each guest.
Each is replaced at once, or not at all.  All functions block: call them in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from attrs import field, frozen
from twisted.logger import Logger

from ganetid.network.names import chain_suffix
from ganetid.network.ports import GroupPlan, NetworkPlan, Plugged, RouterPlan

T = TypeVar("T")
_log = Logger()


@frozen
class KeptNetworks:
    """
    The networks and routers that are carried; numbers: of each by its name, 1 to 32767.

    going: that are just being removed, and may be there still after a crash.
    """

    plans: tuple[NetworkPlan, ...] = ()
    going: tuple[NetworkPlan, ...] = ()
    numbers: dict[str, int] = field(factory=dict)
    routers: tuple[RouterPlan, ...] = ()


@frozen
class Kept:
    """All that was kept."""

    networks: KeptNetworks = field(factory=KeptNetworks)
    groups: tuple[GroupPlan, ...] = ()
    plugged: tuple[Plugged, ...] = ()


@frozen
class Folder:
    """The folder of these files."""

    path: Path

    def read(self) -> Kept:
        """
        What was kept.  A file that can't be read is as if it were absent, and logged.

        Raises OSError.
        """
        plugged = (_read(each, Plugged) for each in sorted(self._ports.glob("*.json")))
        groups = (_read(each, GroupPlan) for each in sorted(self._groups.glob("*.json")))
        networks = _read(self.path / "networks.json", KeptNetworks)
        return Kept(
            networks or KeptNetworks(),
            tuple(each for each in groups if each),
            tuple(each for each in plugged if each),
        )

    def put_networks(self, networks: KeptNetworks) -> None:
        """Keep these networks and no others.  Raises OSError."""
        _write(self.path / "networks.json", networks)

    def put_groups(self, groups: Iterable[GroupPlan]) -> None:
        """Keep these security groups too.  Raises OSError."""
        for each in groups:
            _write(self._groups / f"{chain_suffix(each.name)}.json", each)

    def drop_groups(self, names: Iterable[str]) -> None:
        """Keep nothing of these security groups.  Raises OSError."""
        for name in names:
            (self._groups / f"{chain_suffix(name)}.json").unlink(missing_ok=True)

    def put_plugged(self, plugged: Plugged) -> None:
        """Keep the NICs of one instance.  Raises OSError."""
        _write(self._ports / f"{plugged.instance}.json", plugged)

    def drop_plugged(self, instance: str) -> None:
        """Keep nothing of the instance.  Raises OSError."""
        (self._ports / f"{instance}.json").unlink(missing_ok=True)

    @property
    def _groups(self) -> Path:
        return self.path / "groups"

    @property
    def _ports(self) -> Path:
        return self.path / "ports"


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        _log.error("{path} can't be read: {error}", path=str(path), error=error)
        return None


def _write(path: Path, value: Any) -> None:
    """Synced before it takes the place of the former, as the guest's NICs depend on it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(msgspec.json.encode(value))
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
