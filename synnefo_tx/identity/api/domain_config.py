"""
/v3/domains/<id>/config: options of a domain's own, kept for clients that manage them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.rows import domain_config, things
from synnefo_tx.identity.rows.kinds import DOMAIN
from synnefo_tx.identity.rules.domain_config import (
    COMPLIANCE,
    Config,
    check_place,
    checked,
    checked_change,
    compliance,
    default,
)

PATH = "/v3/domains/<domain_id>/config"
BELOW = ("", "/<group>", "/<group>/<option>")


def add_routes(router: Router, context: Context) -> None:
    for below in BELOW:
        _add_default(router, below)
        _add_reading(router, context, PATH + below)
        _add_changing(router, context, PATH + below)

    for below in ("", "/<option>"):
        _add_compliance(router, context, f"{PATH}/{COMPLIANCE}{below}")

    @router.route("PUT", PATH, "identity:create_domain_config")
    async def put(call: Call, domain_id: str) -> Reply:
        config = checked(json_body.read(call).get("config", {}))
        entry = _entry(call, "create", domain_id, _names(config))
        made, is_new = await write(context, entry, domain_config.replace, domain_id, config)
        return json_reply({"config": made}, 201 if is_new else 200)


def _add_default(router: Router, below: str) -> None:
    path = f"/v3/domains/config{below}/default"

    @router.route("GET", path, "identity:get_domain_config_default")
    async def show(call: Call, group: str | None = None, option: str | None = None) -> Reply:
        return json_reply({"config": default(group, option)})


def _add_compliance(router: Router, context: Context, path: str) -> None:
    """
    What a new password has to be: everybody may know it.
    """

    @router.route("GET", path, "identity:get_security_compliance_domain_config")
    async def show(call: Call, domain_id: str, option: str | None = None) -> Reply:
        await context.database.read(things.fetch, DOMAIN, domain_id)
        return json_reply({"config": compliance(context.gate.policy, domain_id, option)})


def _add_reading(router: Router, context: Context, path: str) -> None:
    @router.route("GET", path, "identity:get_domain_config")
    async def show(
        call: Call, domain_id: str, group: str | None = None, option: str | None = None
    ) -> Reply:
        check_place(group, option)
        found = await context.database.read(domain_config.read, domain_id, group, option)
        return json_reply({"config": found[group] if group and option else found})


def _add_changing(router: Router, context: Context, path: str) -> None:
    @router.route("PATCH", path, "identity:update_domain_config")
    async def update(
        call: Call, domain_id: str, group: str | None = None, option: str | None = None
    ) -> Reply:
        config = checked_change(json_body.read(call).get("config", {}), group, option)
        entry = _entry(call, "update", domain_id, _names(config))
        after = await write(context, entry, domain_config.change, domain_id, config, group, option)
        return json_reply({"config": after})

    @router.route("DELETE", path, "identity:delete_domain_config")
    async def remove(
        call: Call, domain_id: str, group: str | None = None, option: str | None = None
    ) -> Reply:
        check_place(group, option)
        entry = _entry(call, "delete", domain_id, [f"{group or '*'}.{option or '*'}"])
        await write(context, entry, domain_config.remove, domain_id, group, option)
        return empty_reply()


def _entry(call: Call, verb: str, domain_id: str, options: list[str]) -> Any:
    details: Mapping[str, Any] = {"options": options}
    return entry_of(call, f"identity:{verb}_domain_config", "domain", domain_id, details)


def _names(config: Config) -> list[str]:
    """
    Which options, without their values: they may be secret.
    """
    return sorted(f"{group}.{option}" for group, options in config.items() for option in options)
