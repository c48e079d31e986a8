"""
Which cluster a new server goes to.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from synnefo_tx.errors import Unavailable

ZONE = "nova"  # the one availability zone


@frozen
class Candidate:
    """
    A cluster as placement sees it.  A drained one gets nothing new.
    """

    cluster_id: str
    drained: bool


class NoClusterLeft(Unavailable):
    """
    Nowhere to put a new server.
    """

    def __init__(self) -> None:
        super().__init__("No valid host was found. No cluster takes new servers now.")


def choose_cluster(candidates: Sequence[Candidate]) -> str:
    """
    The id of the first cluster that takes servers.  Raises NoClusterLeft.
    """
    for candidate in candidates:
        if not candidate.drained:
            return candidate.cluster_id
    raise NoClusterLeft
