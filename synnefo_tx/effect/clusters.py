"""
From a cluster's id to the client that reaches it, and what is asked of a cluster without a wish.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from OpenSSL.crypto import Error as TlsError
from sqlalchemy import Connection, select
from twisted.internet.threads import deferToThread

from synnefo_tx.cluster.interface import ClusterAway, ClusterRefused, ICluster
from synnefo_tx.cluster.rapi import Address, RapiCluster, pinned_client
from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.effect.plan import instance_name
from synnefo_tx.errors import NotFound, Unavailable
from synnefo_tx.store.database import Database

Connect = Callable[[Address], Awaitable[ICluster]]


def rapi_over(reactor: Any) -> Connect:
    """
    The ordinary way to a cluster.  Raises ClusterAway while its certificate can't be read: a
    cluster that starts for the first time is only making it.
    """

    async def connect(address: Address) -> ICluster:
        try:
            http = await deferToThread(pinned_client, reactor, address.ca_file)
        except (OSError, ValueError, TlsError) as error:
            raise ClusterAway(f"{address.ca_file}: {error}") from error
        cluster: ICluster = RapiCluster(http, address)
        return cluster

    return connect


class Clusters:
    """
    The clusters of the database, each reached by one client that is made when first asked for and
    made anew when its address has changed.
    """

    def __init__(self, database: Database, connect: Connect) -> None:
        self._database = database
        self._connect = connect
        self._known: dict[str, tuple[Address, ICluster]] = {}

    async def get(self, cluster_id: str) -> ICluster:
        """
        Raises ClusterAway when the cluster is not, or no longer, registered.
        """
        address = await self._database.read(address_of, cluster_id)
        if address is None:
            raise ClusterAway(f"cluster {cluster_id} is not registered")
        known = self._known.get(cluster_id)
        if known is None or known[0] != address:
            known = (address, await self._connect(address))
            self._known[cluster_id] = known
        return known[1]

    async def console_log(self, cluster_id: str, server_id: str, lines: int | None) -> str:
        """
        A server's console output.  Raises NotFound and Unavailable.
        """
        try:
            cluster = await self.get(cluster_id)
            log: str = await cluster.console_log(instance_name(server_id), lines)
        except ClusterRefused as error:
            raise NotFound("Guest does not have a console available.") from error
        except ClusterAway as error:
            raise Unavailable("The cluster of this server can't be reached now.") from error
        return log

    async def look(self, cluster_id: str, server_id: str, what: str) -> Any:
        """
        What the cluster answers about the guest of a server: its "console", or "statistics".
        Raises NotFound when its guest does not run, or the cluster has no such thing, and
        Unavailable.
        """
        try:
            cluster = await self.get(cluster_id)
            return await cluster.get(f"/2/instances/{instance_name(server_id)}/{what}", {})
        except ClusterRefused as error:
            raise NotFound(error.message) from error
        except ClusterAway as error:
            raise Unavailable("The cluster of this server can't be reached now.") from error


def address_of(connection: Connection, cluster_id: str) -> Address | None:
    """
    Where a cluster answers; None when it is not registered.
    """
    row = connection.execute(select(clusters).where(clusters.c.id == cluster_id)).first()
    if row is None:
        return None
    return Address(row.rapi_url, row.rapi_user, row.rapi_password, row.ca_file)
