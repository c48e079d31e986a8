"""
What makes a network stand at a cluster, and go.  Pure.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from synnefo_tx.effect.plan import network_name
from synnefo_tx.effect.tasks import Step
from synnefo_tx.effect.wishes import Wish


@frozen(kw_only=True)
class NetworkShape:
    """
    A network as a cluster shall have it.

    cidr, gateway: of its IPv4 subnet.  link: bridge on the nodes.  node_groups: names of all that
    the cluster has.
    """

    network_id: str
    cluster_id: str
    cidr: str
    gateway: str | None
    link: str
    node_groups: tuple[str, ...]


def stands(shape: NetworkShape) -> tuple[Step, ...]:
    """
    It is there, and every node group has it.
    """
    body = {
        "network_name": network_name(shape.network_id),
        "network": shape.cidr,
        "gateway": shape.gateway,
        "tags": ["nfdhcpd", "private"],
        "conflicts_check": False,
    }
    made = _wish(shape.network_id, shape.cluster_id, "POST", "/2/networks", body)
    connected = (_connected(shape, group) for group in shape.node_groups)
    return Step(made, despite=("already_exists",)), *connected


def gone(network_id: str, cluster_id: str, node_groups: tuple[str, ...]) -> tuple[Step, ...]:
    """
    No node group has it, and it is not there.
    """
    path = f"/2/networks/{network_name(network_id)}"
    absent = ("unknown_entity",)
    return (
        *(
            Step(
                _wish(network_id, cluster_id, "PUT", f"{path}/disconnect", {"group_name": group}),
                despite=absent,
            )
            for group in node_groups
        ),
        Step(_wish(network_id, cluster_id, "DELETE", path, None), despite=absent),
    )


def _connected(shape: NetworkShape, group: str) -> Step:
    """
    To be connected twice is a success.
    """
    path = f"/2/networks/{network_name(shape.network_id)}/connect"
    body = {
        "group_name": group,
        "network_mode": "bridged",
        "network_link": shape.link,
        "conflicts_check": False,
    }
    return Step(_wish(shape.network_id, shape.cluster_id, "PUT", path, body))


def _wish(
    network_id: str, cluster_id: str, method: str, path: str, body: dict[str, Any] | None
) -> Wish:
    return Wish(
        kind="network.apply",
        target=network_id,
        cluster_id=cluster_id,
        method=method,
        path=path,
        body=body,
    )
