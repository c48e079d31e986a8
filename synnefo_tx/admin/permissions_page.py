"""
``python -m synnefo_tx.admin.permissions_page > docs/permissions.md``: who may do what, from the
tables that the services check by and the routes that they serve.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import click
from attrs import frozen
from twisted.internet.defer import execute

from synnefo_tx.account import permissions as account
from synnefo_tx.account.api.routes import account_router
from synnefo_tx.compute import permissions as compute
from synnefo_tx.compute.api.routes import compute_router
from synnefo_tx.events import permissions as events
from synnefo_tx.events.api.routes import events_router
from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.router import Router
from synnefo_tx.identity import permission_table as identity
from synnefo_tx.identity.api.routes import identity_context, identity_router
from synnefo_tx.identity.permissions import Rule
from synnefo_tx.image import permissions as image
from synnefo_tx.image.api.routes import image_router
from synnefo_tx.network import permissions as network
from synnefo_tx.network.api.routes import network_router
from synnefo_tx.openid import permissions as openid
from synnefo_tx.openid.api.routes import openid_router
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.routes import add_people
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.settings import SignUp
from synnefo_tx.volume import permissions as volume
from synnefo_tx.volume.api.routes import volume_router

_HEAD = """# Permissions

Made by `python -m synnefo_tx.admin.permissions_page`; don't edit. These are the tables by which the
services decide, with what each permission is asked for.

A role counts where the token is scoped to: `admin` has all that `manager` has, `manager` what
`member` has, `member` what `reader` has. "Its" is the domain, project or user of the thing asked
for. Whoever has the role `admin` anywhere is an administrator of the cloud, as in Keystone.
What more is asked than a rule says is in [identity.md](identity.md).
"""


@frozen
class Service:
    """
    One service's table and routes.
    """

    name: str
    table: Mapping[str, Rule]
    router: Router


class _Nothing:
    """
    Stands for what routes are given and permissions don't ask: a route is made, and never called.
    """

    def __getattr__(self, _name: str) -> Any:
        return _Nothing()


def services() -> list[Service]:
    """
    Every service with a table of permissions.
    """
    nothing: Any = _Nothing()
    cloud = Cloud(
        database=nothing,
        authenticate=nothing,
        clock=time.time,
        kick=nothing,
        clusters=nothing,
        blocks=nothing,
    )
    context = identity_context(nothing, nothing, nothing, time.time, nothing, nothing)
    people = People(context, SignUp(), "")
    return [
        Service("Identity", identity.PERMISSIONS, identity_router(context, None)),
        Service("OpenID Connect", openid.PERMISSIONS, openid_router(context)),
        Service(
            "Account",
            account.PERMISSIONS,
            account_router(
                nothing,
                nothing,
                time.time,
                add_further=lambda router: add_people(router, people, Providers({}, {})),
            ),
        ),
        Service("Compute", compute.PERMISSIONS, compute_router(cloud)),
        Service("Network", network.PERMISSIONS, network_router(cloud)),
        Service("Volume", volume.PERMISSIONS, volume_router(cloud)),
        Service("Events", events.PERMISSIONS, events_router(cloud, nothing, nothing)),
        Service("Image", image.PERMISSIONS, image_router(cloud, None, in_thread=execute)),
    ]


def page() -> str:
    """
    The whole page.
    """
    return _HEAD + "".join(line for service in services() for line in _chapter(service))


def _chapter(service: Service) -> Iterator[str]:
    asked: dict[str, list[str]] = defaultdict(list)
    for method, path, permission in service.router.routes:
        if permission is not None:
            asked[permission].append(f"`{method} /{service.router.prefix}{path}`")
    for way in service.router.ways:
        where = f"`{way.method} /{service.router.prefix}{way.pattern}`"
        asked[way.permission].append(f"{where} with `{json.dumps(way.body)}`")
    yield f"\n## {service.name}\n\n| permission | needs | asked for by |\n|---|---|---|\n"
    for name, rule in sorted(service.table.items()):
        routes = "<br>".join(dict.fromkeys(asked[name])) or "within others"
        yield f"| `{name}` | {rule} | {routes} |\n"


if __name__ == "__main__":
    click.echo(page(), nl=False)
