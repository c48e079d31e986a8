"""
Which jobs may run together: a pure decision over locks held and wanted.

A shared lock keeps out exclusive ones only.  Nobody overtakes: a job that waits for a lock holds
its place against later jobs that want the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen


@frozen
class Lock:
    """A claim on one thing: kind instance, network, node or cluster, and its name."""

    kind: str
    name: str
    shared: bool = False

    @property
    def thing(self) -> tuple[str, str]:
        """What it is a claim on."""
        return (self.kind, self.name)


class LockTable:
    """Claims already made, by thing: how many share it, or that one has it alone."""

    def __init__(self) -> None:
        self._shared: set[tuple[str, str]] = set()
        self._exclusive: set[tuple[str, str]] = set()

    def add(self, locks: Iterable[Lock]) -> None:
        """Note these claims."""
        for lock in locks:
            (self._shared if lock.shared else self._exclusive).add(lock.thing)

    def admits(self, locks: Iterable[Lock]) -> bool:
        """No claim noted so far stands in the way of these."""
        return not any(
            lock.thing in self._exclusive or (not lock.shared and lock.thing in self._shared)
            for lock in locks
        )


def startable(
    held: Iterable[tuple[Lock, ...]], waiting: Mapping[int, tuple[Lock, ...]], room: int
) -> list[int]:
    """
    Ids of the jobs that may start now.

    held: locks of running jobs.  waiting: locks wanted, in order of precedence.
    room: the most jobs that may be started.
    """
    table = LockTable()
    for locks in held:
        table.add(locks)
    chosen: list[int] = []
    for job_id, locks in waiting.items():
        if len(chosen) >= room:
            break
        if table.admits(locks):
            chosen.append(job_id)
        table.add(locks)
    return chosen
