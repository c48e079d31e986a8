"""
The clusters of the cloud: entering them, keeping new servers off them, and striking them out.
"""

from __future__ import annotations

import uuid
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, delete, func, insert, or_, select, update

from synnefo_tx.compute.rows.tables import clusters, servers
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.effect.rows.things_tables import cluster_things
from synnefo_tx.errors import Conflict, NotFound


@frozen(kw_only=True)
class NewCluster:
    """
    rapi_url: https://host:5080.  ca_file: of the certificate that it must show, as the cloud's
    processes find it; console_url: where its console proxy is reached.
    """

    name: str
    rapi_url: str
    rapi_user: str
    rapi_password: str
    ca_file: str | None = None
    console_url: str | None = None


def every(connection: Connection) -> list[dict[str, Any]]:
    """
    All of them with their servers counted; without their passwords.
    """
    count = (
        select(func.count())
        .where(servers.c.cluster_id == clusters.c.id, servers.c.deleted_at.is_(None))
        .scalar_subquery()
    )
    shown = [column for column in clusters.c if column.name != "rapi_password"]
    rows = connection.execute(select(*shown, count.label("servers")).order_by(clusters.c.name))
    return [dict(row._mapping) for row in rows]


def named(connection: Connection, name: str) -> dict[str, Any]:
    """
    One of them, by name or id.  Raises NotFound.
    """
    for row in every(connection):
        if name in (row["id"], row["name"]):
            return row
    raise NotFound(f"There is no cluster {name}.")


def enter(connection: Connection, new: NewCluster) -> str:
    """
    The id of a new one, which takes servers at once.  Raises Conflict.
    """
    taken = or_(clusters.c.name == new.name, clusters.c.rapi_url == new.rapi_url)
    if connection.execute(select(clusters.c.id).where(taken)).first() is not None:
        raise Conflict(f"There is a cluster {new.name}, or one at {new.rapi_url}, already.")
    cluster_id = str(uuid.uuid4())
    connection.execute(
        insert(clusters).values(
            id=cluster_id,
            name=new.name,
            rapi_url=new.rapi_url,
            rapi_user=new.rapi_user,
            rapi_password=new.rapi_password,
            ca_file=new.ca_file,
            console_url=new.console_url,
            drained=False,
        )
    )
    return cluster_id


def drain(connection: Connection, cluster_id: str, drained: bool) -> None:
    """
    drained: it takes no new servers; those it has stay.
    """
    connection.execute(update(clusters).where(clusters.c.id == cluster_id).values(drained=drained))


def strike_out(connection: Connection, cluster_id: str) -> None:
    """
    It is none of the cloud's any more.  Raises Conflict while rows name it: of servers, also of
    those that are gone, and of what is still to be asked of it.
    """
    for table, what in ((servers, "servers"), (effects, "wishes")):
        of_it = select(func.count()).where(table.c.cluster_id == cluster_id)
        count = connection.execute(of_it).scalar()
        if count:
            raise Conflict(
                f"{count} {what}, of which some may be gone, are of this cluster: drain it instead."
            )
    connection.execute(delete(cluster_things).where(cluster_things.c.cluster_id == cluster_id))
    connection.execute(delete(clusters).where(clusters.c.id == cluster_id))
