"""
What makes a network stand at a cluster, and go.  Pure.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from synnefo_tx.effect.plan import network_name
from synnefo_tx.effect.tasks import Step
from synnefo_tx.effect.wishes import Wish

OVERLAY = "vxlan:"


@frozen(kw_only=True)
class SubnetShape:
    """
    gateway: within `cidr`; None when there is no way out.  host_routes: destination -> gateway.
    """

    cidr: str
    gateway: str | None
    dhcp: bool = True
    dns: tuple[str, ...] = ()
    host_routes: tuple[tuple[str, str], ...] = ()
    managed_ipv6: bool = False


@frozen(kw_only=True)
class NetworkShape:
    """
    A network as a cluster shall have it.

    link: bridge on the nodes, or an overlay's (OVERLAY).  main: the subnet that the nodes are the
    way out of; only networks on a bridge have one.  subnets: all others.  node_groups: names of all
    that the cluster has.
    """

    network_id: str
    cluster_id: str
    link: str
    mtu: int
    domain: str | None
    main: SubnetShape | None
    subnets: tuple[SubnetShape, ...]
    node_groups: tuple[str, ...]


def stands(shape: NetworkShape) -> tuple[Step, ...]:
    """
    It is there, and every node group has it.
    """
    body = {
        "network_name": network_name(shape.network_id),
        "tags": ["nfdhcpd", "private"],
        "conflicts_check": False,
    }
    options = {"options": _options(shape)}
    if shape.main is not None:
        body |= {"network": shape.main.cidr, "gateway": shape.main.gateway}
    made = _wish(shape.network_id, shape.cluster_id, "POST", "/2/networks", body | options)
    path = f"/2/networks/{network_name(shape.network_id)}/options"
    changed = _wish(shape.network_id, shape.cluster_id, "PUT", path, options)
    connected = (_connected(shape, group) for group in shape.node_groups)
    return Step(made, despite=("already_exists",)), Step(changed), *connected


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


def _options(shape: NetworkShape) -> dict[str, Any]:
    """
    All of them, so that what is no more goes.
    """
    options: dict[str, Any] = {
        "mtu": shape.mtu,
        "domain": shape.domain,
        "node_gateway": not shape.link.startswith(OVERLAY),
        "subnets": [_subnet(one) for one in shape.subnets],
    }
    if shape.main is not None:
        told = _subnet(shape.main)
        options |= {name: told[name] for name in ("dhcp", "dns", "host_routes")}
    return options


def _subnet(shape: SubnetShape) -> dict[str, Any]:
    return {
        "cidr": shape.cidr,
        "gateway": shape.gateway,
        "dhcp": shape.dhcp,
        "dns": list(shape.dns),
        "host_routes": [
            {"destination": destination, "gateway": gateway}
            for destination, gateway in shape.host_routes
        ],
        "managed_ipv6": shape.managed_ipv6,
    }


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
