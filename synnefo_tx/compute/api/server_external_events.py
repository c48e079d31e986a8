"""
/os-server-external-events, for services.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.action import ask_of
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.rows import external_events
from synnefo_tx.compute.rules.external_events import schema
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service


def add_routes(service: Service) -> None:
    """
    Serve what other services say of servers.
    """
    policy = "os-server-external-events:create"

    @service.route("POST", "/os-server-external-events", policy)
    async def create(call: Call) -> Reply:
        events = schema(call.version).check(body_of(call))["events"]
        ids = sorted({event["server_uuid"] for event in events})
        told = Told(policy, "server", ",".join(ids), {"names": [e["name"] for e in events]})
        taken = await service.write(call, told, external_events.take, ask_of(service, call), events)
        all_well = all(event["code"] == 200 for event in taken)
        return json_reply({"events": taken}, 200 if all_well else 207)
