"""
What a node knows of its cluster without asking: who is the master, and who else is there.

The master hands every node a View whenever it changes; the node keeps it on its disk.
"""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
from attrs import frozen
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from synnefo_tx.daemon.private_files import write_private


@frozen
class Place:
    """
    Where a node is and how it is known.

    address: host and port of its node RPC.  fingerprints: SHA-256 of certificates that it may
    show: its own, and while certificates are renewed its former one.
    """

    name: str
    address: tuple[str, int]
    fingerprints: tuple[str, ...]
    candidate: bool = False
    offline: bool = False
    group: str = "default"


@frozen
class View:
    """
    The cluster as a master told it.

    epoch: of the master's reign; version: grows with every view of a reign.
    in_sync: candidates that have every change which was acknowledged, the master included.
    """

    cluster: str
    master: str
    epoch: int
    version: int
    nodes: tuple[Place, ...]
    in_sync: tuple[str, ...] = ()

    def surroundings(self, name: str) -> tuple[str, tuple[str, ...]]:
        """(the node's group, addresses of all other nodes that are not offline)."""
        place = self.place(name)
        others = (each for each in self.nodes if each.name != name and not each.offline)
        return place.group if place else "default", tuple(each.address[0] for each in others)

    def place(self, name: str) -> Place | None:
        """The node's place, if it is known."""
        return next((place for place in self.nodes if place.name == name), None)

    def is_newer_than(self, other: View) -> bool:
        """Whether it was told later."""
        return (self.epoch, self.version) > (other.epoch, other.version)


class OlderMaster(Exception):
    """A call of a master that was replaced.  Carries the view of the newer one."""

    def __init__(self, view: View) -> None:
        super().__init__(f"{view.master} is the master since epoch {view.epoch}")
        self.view = view


class NotAllowed(Exception):
    """A call of somebody who may not make it."""


class Membership:
    """
    This node's place in its cluster.

    name: its own.  view: None before it is in a cluster of more than itself.
    """

    _log = Logger()

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._keeping = threading.Lock()
        self.view: View | None = None

    def load(self) -> None:
        """Read what was kept.  Blocks."""
        if self._path.exists():
            self.view = msgspec.json.decode(self._path.read_bytes(), type=View)

    def keep(self, view: View) -> None:
        """Take a view over, once it is on disk; one that is not newer is not.  Blocks."""
        with self._keeping:
            if self.view is not None and not view.is_newer_than(self.view):
                return
            write_private(self._path, msgspec.json.encode(view).decode("utf-8"))
            self.view = view

    @property
    def epoch(self) -> int:
        """Of the reign that it knows, 0 in no cluster."""
        return 0 if self.view is None else self.view.epoch

    @property
    def is_master(self) -> bool:
        """Whether the master half belongs here, as far as this node knows."""
        return self.view is None or self.view.master == self.name

    def check_master(self, name: str, fingerprint: str, epoch: int) -> None:
        """Raise OlderMaster or NotAllowed unless the caller is the master."""
        view = self._known(name, fingerprint)
        if epoch < view.epoch:
            raise OlderMaster(view)
        if epoch > view.epoch or name != view.master:
            raise NotAllowed(f"{name} is not the master of epoch {epoch}")

    def check_member(self, name: str, fingerprint: str) -> None:
        """Raise NotAllowed unless the caller is a node of the cluster."""
        self._known(name, fingerprint)

    async def take(self, name: str, fingerprint: str, told: View) -> bool:
        """
        Take over a view that `name` tells; whether the master is another one now.

        A newer reign may be begun by a candidate only.  Raises OlderMaster, NotAllowed.
        """
        view = self._known(name, fingerprint)
        if told.epoch < view.epoch or (told.epoch == view.epoch and told.master != view.master):
            raise OlderMaster(view)
        place = view.place(name)
        if told.master != name or (name != view.master and not (place and place.candidate)):
            raise NotAllowed(f"{name} can't be the master")
        if not told.is_newer_than(view):
            return False
        await deferToThread(self.keep, told)
        if told.epoch > view.epoch:
            self._log.warn(
                "{master} is the master now, epoch {epoch}", master=told.master, epoch=told.epoch
            )
        return told.master != view.master

    def _known(self, name: str, fingerprint: str) -> View:
        if self.view is None:
            raise NotAllowed("this node is in no cluster")
        place = self.view.place(name)
        if place is None or fingerprint not in place.fingerprints:
            raise NotAllowed(f"{name} is not known with this certificate")
        return self.view
