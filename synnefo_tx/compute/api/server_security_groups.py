"""
/servers/<id>/os-security-groups.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.rows import port_security
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.network.rules.security_groups import IPV4, protocol_number


def add_routes(service: Service) -> None:
    """
    Serve the groups that a server's ports are in.
    """

    @service.route("GET", "/servers/<server_id>/os-security-groups", "os-security-groups:list")
    async def index(call: Call, server_id: str) -> Reply:
        found = await service.database.read(port_security.of_server, call.caller, server_id)
        return json_reply({"security_groups": [_group(one) for one in found]})


def _group(group: port_security.Ruled) -> dict[str, Any]:
    return {
        "id": group.row.id,
        "name": group.row.name,
        "description": group.row.description,
        "tenant_id": group.row.project_id,
        "rules": [_rule(one) for one in group.rules if one.direction == "ingress"],
    }


def _rule(row: Any) -> dict[str, Any]:
    """
    As it was before Neutron: a rule without a remote lets in everybody of its version of IP.
    """
    anybody = "0.0.0.0/0" if row.ethertype == IPV4 else "::/0"
    by_group = row.remote_group_id is not None
    is_bare = row.protocol is None or protocol_number(row.protocol) == 0
    return {
        "id": row.id,
        "parent_group_id": row.group_id,
        "ip_protocol": None if is_bare else row.protocol,
        "from_port": row.port_min if is_bare or row.port_min is not None else -1,
        "to_port": row.port_max if is_bare or row.port_max is not None else -1,
        "ip_range": {} if by_group else {"cidr": row.remote_cidr or anybody},
        "group": {"name": row.remote_name, "tenant_id": row.remote_project} if by_group else {},
    }
