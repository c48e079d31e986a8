"""
/network-ip-availabilities: how many addresses of networks there are, and how many are taken.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.rows import availability as rows
from synnefo_tx.network.rows.kinds import NETWORKS
from synnefo_tx.network.rows.lists import find, list_rows
from synnefo_tx.network.rules.queries import Query, parse
from synnefo_tx.network.views.availability import availability
from synnefo_tx.network.views.resources import Json

ALL = "/network-ip-availabilities"
# its filters -> those of networks
_FILTERS = {"network_id": "id", "network_name": "name", "tenant_id": "tenant_id",
            "project_id": "project_id"}  # fmt: skip
POLICY = "get_network_ip_availability"


def add_routes(service: Service) -> None:
    """
    Serve the counts.
    """

    @service.route("GET", ALL, POLICY)
    async def index(call: Call) -> Reply:
        pairs = [(_FILTERS[name], value) for name, value in call.queries() if name in _FILTERS]
        version = call.query("ip_version")
        query = parse(pairs, ())
        found = await service.database.read(_listed, query, call.caller, version)
        return json_reply({"network_ip_availabilities": found})

    @service.route("GET", f"{ALL}/<network_id>", POLICY)
    async def show(call: Call, network_id: str) -> Reply:
        found = await service.database.read(_shown, network_id, call.caller)
        return json_reply({"network_ip_availability": found})


def _listed(
    connection: Connection, query: Query, caller: Caller, version: str | None
) -> list[Json]:
    networks = list_rows(connection, NETWORKS, query, caller)
    held = rows.of_networks(connection, [row.id for row in networks])
    shown = [
        availability(row, [one for one in held[row.id] if version in (None, str(one.ip_version))])
        for row in networks
    ]
    return [one for one in shown if one["subnet_ip_availability"] or version is None]


def _shown(connection: Connection, network_id: str, caller: Caller) -> Json:
    network = find(connection, NETWORKS, network_id, caller)
    return availability(network, rows.of_networks(connection, [network.id])[network.id])
