"""
/flavors/<id>/os-extra_specs.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.rows import flavors as rows
from synnefo_tx.compute.rules.flavor_bodies import read_spec, read_specs
from synnefo_tx.compute.views.flavors import specs
from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service

ALL = "/flavors/<flavor_id>/os-extra_specs"
ONE = f"{ALL}/<key>"
POLICY = "os-flavor-extra-specs:"


def add_routes(service: Service) -> None:
    """
    Serve extra specs.
    """
    database = service.database

    def told(action: str, flavor_id: str, **details: object) -> Told:
        return Told(f"{POLICY}{action}", "flavor", flavor_id, details)

    @service.route("GET", ALL, f"{POLICY}index")
    async def index(call: Call, flavor_id: str) -> Reply:
        row = await database.read(rows.usable_flavor, flavor_id, call.caller)
        return json_reply(specs(row.extra_specs))

    @service.route("GET", ONE, f"{POLICY}show")
    async def show(call: Call, flavor_id: str, key: str) -> Reply:
        row = await database.read(rows.usable_flavor, flavor_id, call.caller)
        if key not in row.extra_specs:
            raise NotFound(f"Flavor {flavor_id} has no extra specs with key {key}.")
        return json_reply({key: row.extra_specs[key]})

    @service.route("POST", ALL, f"{POLICY}create")
    async def create(call: Call, flavor_id: str) -> Reply:
        asked = read_specs(body_of(call))
        line = told("create", flavor_id, extra_specs=asked)
        await service.write(call, line, rows.set_specs, flavor_id, asked)
        return json_reply(specs(asked))

    @service.route("PUT", ONE, f"{POLICY}update")
    async def update(call: Call, flavor_id: str, key: str) -> Reply:
        asked = read_spec(body_of(call), key)
        line = told("update", flavor_id, extra_specs=asked)
        await service.write(call, line, rows.set_specs, flavor_id, asked)
        return json_reply(asked)

    @service.route("DELETE", ONE, f"{POLICY}delete")
    async def delete(call: Call, flavor_id: str, key: str) -> Reply:
        await service.write(
            call, told("delete", flavor_id, key=key), rows.drop_spec, flavor_id, key
        )
        return empty_reply(200)
