"""
What the cloud asks of a Ganeti cluster.
"""

from __future__ import annotations

from typing import Any

from zope.interface import Interface


class ClusterAway(Exception):
    """
    No answer, or one that says nothing about the request (5xx).  It may or may not have been
    taken: ask again with the same effect id.
    """


class ClusterRefused(Exception):
    """
    The cluster answered that it will not.  `status` is RAPI's.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class ICluster(Interface):
    """
    One cluster, reached by RAPI.
    """

    async def submit(
        effect_id: str, method: str, path: str, query: dict[str, str], body: dict[str, Any] | None
    ) -> int:
        """
        The id of the job that the cluster has stored.  The same `effect_id` never makes two jobs.
        Raises ClusterAway and ClusterRefused.
        """

    async def console_log(instance: str, lines: int | None) -> str:
        """
        The last `lines` lines of the guest's serial console, all that is kept when None.
        Raises ClusterAway and ClusterRefused.
        """

    async def get(path: str, query: dict[str, str]) -> Any:
        """
        What RAPI answers to a GET of `path` ("/2/nodes"), decoded.  Raises ClusterAway and
        ClusterRefused.
        """
