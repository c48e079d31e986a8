"""
What the handlers of one of OpenStack's APIs share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from attrs import evolve, frozen
from sqlalchemy import Connection

from synnefo_tx.audit.writing import Told, write
from synnefo_tx.http.call import Call
from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.router import Handler, Router, Way
from synnefo_tx.identity.permissions import Target
from synnefo_tx.store.database import Database

P = ParamSpec("P")
T = TypeVar("T")
Mount = Callable[[Router, str, str, str, Handler], Handler]


def mount_as_it_is(
    router: Router, method: str, path: str, permission: str, handler: Handler
) -> Handler:
    """
    One route a path.
    """
    return router.route(method, path, permission)(handler)


@frozen(eq=False)
class Service:
    """
    The router and what stands behind it.  root: what every path begins with, such as "/v2.1".
    prefix: what every policy's name does.  mount: how a path is served.
    """

    router: Router
    cloud: Cloud
    root: str
    prefix: str = ""
    mount: Mount = mount_as_it_is

    @property
    def database(self) -> Database:
        """
        The cloud's.
        """
        return self.cloud.database

    def now_us(self) -> int:
        """
        Microseconds since the epoch.
        """
        return self.cloud.now_us()

    def route(self, method: str, path: str, policy: str) -> Callable[[Handler], Handler]:
        """
        Serve `path` below the root with the decorated handler, for callers whom `policy` allows.
        """
        where, permission = f"{self.root}{path}", f"{self.prefix}{policy}"
        return lambda handler: self.mount(self.router, method, where, permission, handler)

    def enforce(self, call: Call, policy: str, project_id: str | None = None) -> None:
        """
        Raises Forbidden unless the caller may do what `policy` names: to a thing of that project,
        or at all.
        """
        self.router.enforce(call, f"{self.prefix}{policy}", Target(project_id=project_id))

    def way(self, method: str, path: str, policy: str, body: Mapping[str, Any]) -> None:
        """
        Say that a route enforces one more policy when it is asked for `body`: before it looks
        whether there is such a thing.
        """
        self.router.ways.append(Way(method, f"{self.root}{path}", f"{self.prefix}{policy}", body))

    async def write(
        self,
        call: Call,
        told: Told,
        unit: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """
        The unit's value, once it and its line in the audit log are committed.
        """
        named = evolve(told, policy=f"{self.prefix}{told.policy}")
        return await write(self.cloud, call, named, unit, *args, **kwargs)

    async def wish(
        self,
        call: Call,
        told: Told,
        unit: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """
        The same of a unit that writes wishes: they are looked at right after.
        """
        value = await self.write(call, told, unit, *args, **kwargs)
        self.cloud.kick()
        return value
