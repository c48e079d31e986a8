"""
/os-quota-class-sets: what every project may use for which nobody has set anything.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.rows import quotas as rows
from synnefo_tx.compute.rules.quota_bodies import class_schema, read_class_limits
from synnefo_tx.compute.views import limits as views
from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.quota.rows.defaults import CLASS

PATH = "/os-quota-class-sets/<name>"


def add_routes(service: Service) -> None:
    """
    Serve quota classes.
    """
    database = service.database

    @service.route("GET", PATH, "os-quota-class-sets:show")
    async def show(call: Call, name: str) -> Reply:
        found = views.class_quotas(await database.read(rows.defaults), call.version)
        return json_reply(views.quota_class_set(found, name))

    @service.route("PUT", PATH, "os-quota-class-sets:update")
    async def update(call: Call, name: str) -> Reply:
        asked = read_class_limits(class_schema(call.version).check(body_of(call)))
        if name != CLASS:
            raise NotFound(f"Quota class {name} could not be found.")
        told = Told("os-quota-class-sets:update", "quota", name, {"limits": asked})
        found = await service.write(call, told, rows.set_defaults, asked)
        return json_reply(views.quota_class_set(views.class_quotas(found, call.version), None))
