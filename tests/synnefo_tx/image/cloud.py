"""
An image service over a database in a file and blocks in memory, spoken to by HTTP in memory.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from treq.testing import StubTreq
from twisted.internet.defer import execute, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.token import Token
from synnefo_tx.image.api.routes import image_router
from synnefo_tx.image.memory_blocks import MemoryBlocks
from synnefo_tx.store.memory import immediate_database
from tests.synnefo_tx.cloud_over import cloud_over

NOW = 1_763_861_393.0  # 2025-11-23T01:29:53Z
ALICE, BOB, ADMIN, READER = "alice", "bob", "root", "reader"
_ROLES = {ALICE: ("member",), BOB: ("member",), ADMIN: ("admin",), READER: ("reader",)}
_PROJECTS = {READER: f"project-{ALICE}"}


def token_of(user: str) -> Token:
    """
    A token of `user` in a project of the user's own; READER's is ALICE's.
    """
    project = _PROJECTS.get(user, f"project-{user}")
    return Token(
        user_id=user,
        user_name=user,
        user_domain_id="default",
        project_id=project,
        project_name=project,
        project_domain_id="default",
        roles=_ROLES[user],
        methods=("password",),
        issued_at=0,
        expires_at=2**40,
        audit_id="a",
    )


def authenticate(text: str) -> Awaitable[Token]:
    """
    A user's name is its token.
    """
    if text not in _ROLES:
        raise NotAuthenticated
    return succeed(token_of(text))


def at_once(job: Callable[..., Any], *args: Any) -> Awaitable[Any]:
    """
    No thread at all.
    """
    return execute(job, *args)


@define
class Answer:
    """
    One response, read to its end.
    """

    status: int
    headers: Any
    body: bytes
    length: Any

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        values = self.headers.getRawHeaders(name)
        return values[0] if values else None


@define(slots=False)
class Cloud:
    """
    The service, and calls to it.  A test with a `database_place` chooses its database by that.
    """

    test: SynchronousTestCase
    converter: Any = None
    blocks: MemoryBlocks = field(factory=MemoryBlocks)
    now: float = NOW

    def __attrs_post_init__(self) -> None:
        place = getattr(self.test, "database_place", lambda: Path(self.test.mktemp()))
        self.database = immediate_database(place())
        self.test.addCleanup(self.database.engine.dispose)
        self.timers = Clock()
        cloud = cloud_over(self.database, authenticate, lambda: self.now, blocks=self.blocks)
        self.router = image_router(cloud, self.converter, in_thread=at_once, reactor=self.timers)
        self._treq = StubTreq(self.router.resource())

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        user: str | None = ALICE,
        accept: str = "*/*",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """
        One call to the end; a body that is not bytes is sent as JSON.
        """
        sent = {"Accept": accept}
        if user is not None:
            sent["X-Auth-Token"] = user
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        elif body is not None:
            sent["Content-Type"] = "application/octet-stream"
        sent |= headers or {}
        waiting = self._treq.request(method, f"http://glance{path}", headers=sent, data=body)
        self._treq.flush()
        response = self.test.successResultOf(waiting)
        content = response.content()
        self._treq.flush()
        return Answer(
            response.code, response.headers, self.test.successResultOf(content), response.length
        )

    def create(self, user: str = ALICE, **attributes: Any) -> str:
        """
        A new raw image's id.
        """
        body = {"name": "i", "disk_format": "raw", "container_format": "bare", **attributes}
        answer = self.call("POST", "/v2/images", body, user)
        self.test.assertEqual(answer.status, 201, answer.body)
        return str(answer.json["id"])

    def active(self, user: str = ALICE, data: bytes = b"data", **attributes: Any) -> str:
        """
        A new image with data, its id.
        """
        image_id = self.create(user, **attributes)
        answer = self.call("PUT", f"/v2/images/{image_id}/file", data, user)
        self.test.assertEqual(answer.status, 204, answer.body)
        return image_id

    def patch(self, image_id: str, changes: Any, user: str = ALICE, version: str = "2.1") -> Answer:
        """
        PATCH the image.
        """
        kind = f"application/openstack-images-v{version}-json-patch"
        return self.call(
            "PATCH", f"/v2/images/{image_id}", changes, user, headers={"Content-Type": kind}
        )


def page(status: str, inner: str) -> str:
    """
    WebOb's page about an error, whose text is HTML already.
    """
    return (
        f"<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n  <h1>{status}</h1>\n"
        f"  {inner}<br /><br />\n\n\n\n </body>\n</html>"
    )
