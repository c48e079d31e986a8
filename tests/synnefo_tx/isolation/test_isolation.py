"""
A member of one project at every route of OpenStack's services that names a thing of another's.

A route that is added is tried here by itself, once `things` says what its path names.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select
from twisted.internet.defer import execute
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.http.parts import merged, modules_of
from synnefo_tx.http.router import Router
from synnefo_tx.image.api.routes import image_router
from synnefo_tx.image.memory_blocks import MemoryBlocks
from synnefo_tx.store.metadata import metadata
from tests.synnefo_tx.cloud_over import cloud_over
from tests.synnefo_tx.compute.cloud import ALICE, BOB, Answer, Cloud, authenticate
from tests.synnefo_tx.isolation import things

# Paths that name nothing of a project's.  What Nova has as defaults is everybody's to know.
OF_NOBODY = (
    r"/compute/v2.1/os-quota-sets/<project_id>/defaults",
    r"/compute/v2.1/extensions/.*",
    r"/(compute|volume)/.*/os-quota-class-sets/.*",
    r"/network/v2.0/extensions/.*",
    r"/image/v2/schemas/.*",
    r"/volume/v3/(<own_project>/)?types/.*",
)
VERSIONS = {"compute": "2.90", "volume": "3.71"}
# An extra spec of a flavor; what is attached once a cluster has told so.
MAYBE_NOT_THERE = ("/<key>", "/os-volume_attachments/<volume_id>")
TYPES = {"PATCH": "application/openstack-images-v2.1-json-patch"}
# Of a thing that is not there for the caller; a path with a foreign project is malformed to Cinder.
HIDDEN, FOREIGN_PATH = {403, 404}, {400, 403, 404}


def is_of_nobody(pattern: str) -> bool:
    """
    Whether the path names nothing of a project's.
    """
    return any(re.fullmatch(known, pattern) for known in OF_NOBODY)


class WholeCloud(Cloud):
    """
    With images.
    """

    def _routers(self) -> Any:
        given = cloud_over(self.database, authenticate, lambda: self.now, blocks=MemoryBlocks())
        self.routers: list[Router] = [
            *super()._routers(),
            image_router(given, None, in_thread=execute),
        ]
        return self.routers


class IsolationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = WholeCloud(self)
        self.known: dict[str, str] = {}
        for part in modules_of(things.__name__):
            self.known |= part.made(self.cloud)
        self.bodies = merged(things.__name__, "BODIES")

    def routes(self) -> list[tuple[str, str, Any]]:
        """
        Method, path from the cloud's root, and a body, None if nobody has said one.
        """
        found = []
        for router in self.cloud.routers:
            for method, path, permission in router.routes:
                whole = f"/{router.prefix}{path}"
                if permission is not None and not path.endswith(".json"):
                    found.append((method, whole, self.bodies.get(f"{method} {whole}")))
            for way in router.ways:
                whole = f"/{router.prefix}{way.pattern}"
                name = f"{way.method} {whole} {next(iter(way.body))}"
                found.append((way.method, whole, self.bodies.get(name, way.body)))
        return found

    def filled(self, pattern: str) -> str | None:
        """
        The path to ALICE's thing.  None when a part of it is not known.
        """
        path, begun = "", ""
        for piece in pattern.split("/")[1:]:
            begun += f"/{piece}"
            value = self.known.get(begun) if piece.startswith("<") else piece
            if value is None:
                return None
            path += f"/{value}"
        return path

    def ask(
        self, method: str, path: str, body: Any, user: str, version: str | None = None
    ) -> Answer:
        sent = body if body is not None or method in ("GET", "HEAD", "DELETE") else {}
        kind = "application/octet-stream" if isinstance(sent, bytes) else TYPES.get(method)
        headers = {"Content-Type": kind} if kind else {}
        service = path.split("/")[1]
        if service in VERSIONS:
            newest = VERSIONS[service] if version is None else version
            headers["OpenStack-API-Version"] = f"{service} {newest}"
        return self.cloud.call(method, path, sent, user, headers=headers)

    def everything(self) -> dict[str, list[str]]:
        with self.cloud.database.engine.connect() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(select(table))))
                for table in metadata.sorted_tables
            }

    def test_every_thing_is_known(self) -> None:
        """A path that names something has to be in `things`, or named here as nobody's."""
        missing = {
            pattern
            for _, pattern, _ in self.routes()
            if "<" in pattern and self.filled(pattern) is None and not is_of_nobody(pattern)
        }
        self.assertEqual(missing, set())

    def test_she_reaches_her_own(self) -> None:
        """What the tests below rest on: the things are there."""
        wrong = []
        for method, pattern, body in self.routes():
            path = self.filled(pattern)
            if method == "GET" and "<" in pattern and path is not None:
                code = self.ask(method, path, body, ALICE).status
                if code == 404 and path.startswith("/compute"):
                    code = self.ask(method, path, body, ALICE, "2.1").status
                if code in (401, 404) and not pattern.endswith(MAYBE_NOT_THERE):
                    wrong.append(f"{method} {path} -> {code}")
        self.assertEqual(wrong, [])

    def test_nobody_else_does(self) -> None:
        """Neither to read nor to change: as if there were no such thing."""
        before, wrong = self.everything(), []
        for method, pattern, body in self.routes():
            path = self.filled(pattern)
            if path is None or "<" not in pattern or is_of_nobody(pattern):
                continue
            answer = self.ask(method, path, body, BOB)
            if answer.status in (400, 404) and path.startswith("/compute"):
                older = self.ask(method, path, body, BOB, "2.1")  # gone from later versions
                if answer.status == 400 or older.status != 400:  # not there before
                    answer = older
            strict = "<own_project>" not in pattern and (method == "GET" or body is not None)
            if answer.status not in (HIDDEN if strict else FOREIGN_PATH):
                wrong.append(f"{method} {path} {body} -> {answer.status} {answer.body[:90]!r}")
        self.assertEqual(wrong, [], "\n".join(wrong))
        self.assertEqual(self.everything(), before)

    def test_lists_show_nothing_of_hers(self) -> None:
        """Nor do filters find it."""
        wrong = []
        secret = {value for value in self.known.values() if len(value) == 36}
        for method, pattern, _ in self.routes():
            if method != "GET" or "<" in pattern:
                continue
            for query in ("", "?all_tenants=1", "?project_id=project-alice"):
                body = self.ask("GET", pattern + query, None, BOB).body.decode()
                wrong += [f"{pattern}{query}: {one}" for one in secret if one in body]
        self.assertEqual(wrong, [])
