"""
Which networks stand on which clusters, and the wishes that make them stand.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from synnefo_tx.effect import plan
from synnefo_tx.effect.rows import outbox
from synnefo_tx.network.rows.tables import cluster_networks, networks, ports, subnets


def ensure(connection: Connection, network_id: str, cluster_id: str, now_us: int) -> Any:
    """
    The (network, cluster) row.  When there is none yet, or the network failed to come up there,
    the wishes for it are written (again).
    """
    here = (
        cluster_networks.c.network_id == network_id,
        cluster_networks.c.cluster_id == cluster_id,
    )
    row = connection.execute(select(cluster_networks).where(*here)).first()
    if row is not None and row.state != "ERROR":
        return row
    if row is None:
        connection.execute(
            insert(cluster_networks).values(
                network_id=network_id, cluster_id=cluster_id, state="PENDING", as_of=0
            )
        )
    else:
        connection.execute(update(cluster_networks).where(*here).values(state="PENDING"))
    network = connection.execute(select(networks).where(networks.c.id == network_id)).one()
    subnet = connection.execute(
        select(subnets).where(subnets.c.network_id == network_id).order_by(subnets.c.ip_version)
    ).first()
    cidr, gateway = (subnet.cidr, subnet.gateway_ip) if subnet else ("10.0.0.0/29", None)
    for wish in (
        plan.create_network(network_id, cluster_id, cidr, gateway),
        plan.connect_network(network_id, cluster_id, network.link),
    ):
        outbox.put(connection, wish, now_us)
    return connection.execute(select(cluster_networks).where(*here)).one()


def is_broken(connection: Connection, network_id: str, cluster_id: str) -> bool:
    """
    Whether the network failed to come up on the cluster.
    """
    state = connection.execute(
        select(cluster_networks.c.state).where(
            cluster_networks.c.network_id == network_id,
            cluster_networks.c.cluster_id == cluster_id,
        )
    ).scalar()
    return state == "ERROR"


def of_server(connection: Connection, server_id: str) -> list[str]:
    """
    Ids of the networks that a server's ports are on.
    """
    rows = connection.execute(
        select(ports.c.network_id).where(ports.c.device_id == server_id).distinct()
    )
    return [row.network_id for row in rows]


def note_job(connection: Connection, network_id: str, cluster_id: str, job_id: int) -> None:
    """
    Remember the newest job about the network on the cluster.
    """
    connection.execute(
        update(cluster_networks)
        .where(
            cluster_networks.c.network_id == network_id,
            cluster_networks.c.cluster_id == cluster_id,
        )
        .values(job_id=job_id)
    )


def set_state(
    connection: Connection, network_id: str, cluster_id: str, state: str, as_of_us: int
) -> None:
    """
    Believe news of the time `as_of_us`, unless newer news is believed already.
    """
    connection.execute(
        update(cluster_networks)
        .where(
            cluster_networks.c.network_id == network_id,
            cluster_networks.c.cluster_id == cluster_id,
            cluster_networks.c.as_of < as_of_us,
        )
        .values(state=state, as_of=as_of_us)
    )
