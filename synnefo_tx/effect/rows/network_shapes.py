"""
Networks as their clusters shall have them, read from the rows.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.effect.plans import networks as plans
from synnefo_tx.effect.tasks import Step
from synnefo_tx.network.rows.tables import networks, subnets

FIRST_GROUP = ("default",)  # of a cluster whose groups have not been asked yet
NO_SUBNET = "10.0.0.0/29"  # a network must have addresses in Ganeti, and in Neutron need not


def stands(connection: Connection, network_id: str, cluster_id: str) -> tuple[Step, ...]:
    """
    The steps that make the network stand; none when it is no more.
    """
    network = connection.execute(select(networks).where(networks.c.id == network_id)).first()
    if network is None:
        return ()
    subnet = connection.execute(
        select(subnets).where(subnets.c.network_id == network_id).order_by(subnets.c.ip_version)
    ).first()
    shape = plans.NetworkShape(
        network_id=network_id,
        cluster_id=cluster_id,
        cidr=subnet.cidr if subnet else NO_SUBNET,
        gateway=subnet.gateway_ip if subnet else None,
        link=network.link,
        node_groups=_groups(connection, cluster_id),
    )
    return plans.stands(shape)


def gone(connection: Connection, network_id: str, cluster_id: str) -> tuple[Step, ...]:
    """
    The steps that take it away.
    """
    return plans.gone(network_id, cluster_id, _groups(connection, cluster_id))


def _groups(connection: Connection, cluster_id: str) -> tuple[str, ...]:
    known = connection.execute(
        select(clusters.c.node_groups).where(clusters.c.id == cluster_id)
    ).scalar()
    return tuple(known) if known else FIRST_GROUP
