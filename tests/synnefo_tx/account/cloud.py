"""
The account service over identity's users and projects, spoken to by HTTP in memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import define
from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource

from synnefo_tx.account.api.routes import account_router
from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.token import Token
from synnefo_tx.store.database import Database
from synnefo_tx.store.memory import immediate_database
from tests.synnefo_tx.identity.cloud import fill

NOW = 1_763_861_393.25  # 2025-11-23T01:29:53.250Z
ROLES = {
    "u-admin": ("admin", ("admin",)),
    "u-alice": ("alice", ("member",)),
    "u-bob": ("bob", ("reader",)),
    "u-cyclades": ("cyclades", ("service",)),
    "u-pithos": ("pithos", ("service",)),
}


async def authenticate(text: str) -> Token:
    """A user's id is its token."""
    if text not in ROLES:
        raise NotAuthenticated
    name, roles = ROLES[text]
    return Token(
        user_id=text,
        user_name=name,
        user_domain_id="default",
        project_id="p1",
        project_name="one",
        project_domain_id="default",
        roles=roles,
        methods=("password",),
        issued_at=0,
        expires_at=2**32,
        audit_id="a",
    )


@define
class Answer:
    """One response, read to its end."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class AccountCloud:
    """Admin, alice and bob; projects p1 (alice, admin) and p2 (bob)."""

    def __init__(self, test: Any, database: Database | None = None) -> None:
        self.test = test
        self.database: Database = database or immediate_database(Path(test.mktemp()))
        test.addCleanup(self.database.engine.dispose)
        with self.database.engine.begin() as connection:
            fill(connection)
        self.router = self.make_router()
        root = Resource()
        root.putChild(b"account", self.router.resource())
        self._treq = StubTreq(root)

    def make_router(self) -> Any:
        """What is mounted at /account."""
        return account_router(self.database, authenticate, lambda: NOW)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        user: str | None = "u-cyclades",
        media: str = "application/json",
        version: str = "v1.0",
    ) -> Answer:
        """One call below /account/<version>; a body that is not bytes is sent as JSON."""
        headers = {} if user is None else {"X-Auth-Token": user}
        if body is not None:
            headers["Content-Type"] = media
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"http://cloud/account/{version}{path}"
        waiting = self._treq.request(method, url, headers=headers, data=body)
        self._treq.flush()
        response = self.test.successResultOf(waiting)
        content = response.content()
        self._treq.flush()
        return Answer(response.code, self.test.successResultOf(content))

    def write(self, unit: Any, *args: Any, **more: Any) -> Any:
        """The unit's value."""
        waiting = Deferred.fromCoroutine(self.database.write(unit, *args, **more))
        return self.test.successResultOf(waiting)
