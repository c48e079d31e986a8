"""
Good requests made strange, at every route: refused as a client's mistake, never our defect.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.volume.rows.tables import snapshots, volumes
from tests.synnefo_tx.compute.cloud import ADMIN, IMAGE, NETWORK, SUBNET, Cloud
from tests.synnefo_tx.compute.test_consoles import TOLD
from tests.synnefo_tx.hostile.examples import ACTIONS, EXAMPLES, Example
from tests.synnefo_tx.hostile.mutations import STRANGE, strange

TRIES = int(os.environ.get("HOSTILE_TRIES", "15"))  # of each example and each route
_SETTINGS = settings(
    max_examples=TRIES,
    deadline=None,
    database=None,
    derandomize="HOSTILE_TRIES" not in os.environ,  # a longer search is one of its own
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
_VERSIONS = ("2.1", "2.37", "2.79", "2.96")
_PART = re.compile(r"<(?:\w+:)?(\w+)>")
_QUERIES = (
    "limit", "marker", "sort_key", "sort_dir", "sort", "name", "status", "fields", "offset",
    "all_tenants", "project_id", "changes-since", "tags", "id", "with_count", "page_reverse",
    "is_public", "nonsense",
)  # fmt: skip
_TEXTS = tuple(
    one for one in STRANGE if isinstance(one, str) and len(one) < 300 and one != "\ud800"
)


class BadInputTests(SynchronousTestCase):
    """
    One cloud for all the requests of a test, which an administrator asks for: most leave nothing.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.cloud.looks = {"console": {"tokens": {"vnc": "a", "serial": "b"}}, "statistics": TOLD}
        self.known = {"network": NETWORK, "subnet": SUBNET, "image": IMAGE, "flavor": "1"}
        self.good = [self._done(example) for example in EXAMPLES]
        # What ends a task of the server's, or has it busy, is tried when all is there.
        self.good += [example.filled(self.known) for example in ACTIONS]

    def _done(self, example: Example) -> Example:
        """
        The example with its ids; what it makes is there.
        """
        filled = example.filled(self.known)
        answer = self._ask(filled.method, filled.path, filled.body, "2.79")
        self.assertEqual(answer.status // 100, 2, f"{filled} -> {answer.status} {answer.body!r}")
        if filled.as_:
            self.known[filled.as_] = self._made(filled.as_, next(iter(answer.json.values()))["id"])
        return filled

    def _made(self, what: str, thing_id: str) -> str:
        """
        The id, once the thing is as clusters and the storage make it.
        """
        if what == "server":
            self.cloud.believe(thing_id, vm_state="active", task_state=None, power_state=1)
            self.cloud.believe(thing_id, launched_at=1, host="node1")
        with self.cloud.database.engine.begin() as connection:
            for table in (volumes, snapshots):
                of_it = table.c.id == thing_id
                connection.execute(update(table).where(of_it).values(status="available"))
        return thing_id

    def _ask(self, method: str, path: str, body: Any, version: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        if path.startswith("/volume"):
            newest = {"OpenStack-API-Version": "volume 3.71"} if version != "2.1" else {}
            return self.cloud.call(method, path, data, ADMIN, headers=newest)
        return self.cloud.call(method, path, data, ADMIN, version)

    def _sound(self, answer: Any, *asked: Any) -> None:
        said = f"{asked} -> {answer.status} {answer.body[:300]!r}"
        self.assertTrue(answer.status < 500 or answer.status == 501, said)
        self.assertNotIn(b"Traceback", answer.body)
        self.assertEqual(self.flushLoggedErrors(), [], said)

    def test_bodies(self) -> None:
        """
        Each example with up to three strange places.
        """
        for example in self.good:
            self._try_example(example)

    def _try_example(self, example: Example) -> None:
        @_SETTINGS
        @given(body=strange(example.body), version=st.sampled_from(_VERSIONS))
        def ask(body: Any, version: str) -> None:
            answer = self._ask(example.method, example.path, body, version)
            self._sound(answer, example.method, example.path, body, version)

        ask()

    def test_routes(self) -> None:
        """
        Each route with strange names in its path, strange queries and any body.
        """
        for router in self.cloud.routers:
            for method, pattern, _ in router.routes:
                self._try_route(method, f"/{router.prefix}{pattern}")

    def _try_route(self, method: str, pattern: str) -> None:
        parts = _PART.findall(pattern)
        names = st.one_of(
            st.sampled_from(sorted(self.known.values())), st.sampled_from(("nothing", *_TEXTS))
        )

        @_SETTINGS
        @given(
            given_names=st.lists(names, min_size=len(parts), max_size=len(parts)),
            query=st.lists(
                st.tuples(st.sampled_from(_QUERIES), st.sampled_from(_TEXTS)), max_size=3
            ),
            body=st.one_of(st.none(), st.sampled_from(STRANGE)),
            version=st.sampled_from(_VERSIONS),
        )
        def ask(
            given_names: list[str], query: list[tuple[str, str]], body: Any, version: str
        ) -> None:
            left = iter(given_names)
            path = _PART.sub(lambda _: quote(next(left), safe="") or "x", pattern)
            asked = "&".join(f"{name}={quote(value)}" for name, value in query)
            sent = None if method in ("GET", "HEAD") else body
            answer = self._ask(method, f"{path}?{asked}", sent, version)
            self._sound(answer, method, path, asked, sent, version)

        ask()
