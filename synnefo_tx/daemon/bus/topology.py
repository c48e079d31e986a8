"""
Which queues there are and which messages each takes.  Pure.

Source of names and keys: Synnefo's AMQP topology (exchange `ganeti`, dead letters in `ganeti-dl`,
queues `<prefix>-events-*` with a twin `<queue>-dl`).
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen


@frozen
class BoundQueue:
    """A durable queue and the patterns of the routing keys it takes."""

    name: str
    routing_keys: tuple[str, ...]


def standard_queues(prefix: str) -> tuple[BoundQueue, ...]:
    """The queues of a cloud whose clusters publish under `ganeti.<prefix>.event`."""
    return (
        BoundQueue(f"{prefix}-events-op", (f"ganeti.{prefix}.event.op",)),
        BoundQueue(f"{prefix}-events-network", (f"ganeti.{prefix}.event.network",)),
        BoundQueue(f"{prefix}-events-progress", (f"ganeti.{prefix}.event.progress",)),
        BoundQueue(f"{prefix}-events-cluster", ("ganeti.event.cluster",)),
        BoundQueue(f"{prefix}-events-heartbeat", ("eventd.heartbeat",)),
    )


def dead_letter_queue(queue: str) -> str:
    """The twin where `queue`'s poison messages wait for an operator."""
    return f"{queue}-dl"


def matches(pattern: str, routing_key: str) -> bool:
    """`pattern` takes `routing_key`: `*` stands for one word, `#` for none or more."""
    return _matches(pattern.split("."), routing_key.split("."))


def _matches(pattern: Sequence[str], words: Sequence[str]) -> bool:
    """One row of a table, so that many `#` cost no more than length by length."""
    reached = [True] + [False] * len(words)
    for part in pattern:
        if part == "#":
            first = reached.index(True) if True in reached else len(reached)
            reached = [place >= first for place in range(len(reached))]
        else:
            reached = [False] + [
                reached[place] and part in ("*", word) for place, word in enumerate(words)
            ]
    return reached[-1]
