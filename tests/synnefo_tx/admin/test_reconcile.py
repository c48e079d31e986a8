"""
`synnefo-manage reconcile`, over HTTP from a cluster that plays.
"""

from __future__ import annotations

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import insert, select
from twisted.internet.defer import Deferred

from synnefo_tx.cluster.interface import ClusterRefused
from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.effect.rows.tables import effects
from tests.synnefo_tx.admin.cloud import ManageCase
from tests.synnefo_tx.playing_cluster import PlayingCluster


class ReconcileTests(ManageCase):
    """A cluster with one instance that no row tells of."""

    def setUp(self) -> None:
        super().setUp()
        self.cluster = PlayingCluster()
        self.orphan = str(uuid.uuid4())
        self.cluster.held.instances[f"snf-{self.orphan}"] = {
            "status": "running",
            "node": "node1",
            "nics": [],
            "disks": [],
            "beparams": {"vcpus": 1, "memory": 64},
        }
        self.server = HTTPServer(("127.0.0.1", 0), _handler(self.cluster))
        serving = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        serving.start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(serving.join)
        self.addCleanup(self.server.shutdown)
        self.write(self._register)

    def _register(self, connection: Any) -> None:
        connection.execute(
            insert(clusters).values(
                id="c1",
                name="one",
                rapi_url=f"http://127.0.0.1:{self.server.server_port}",
                rapi_user="synnefo",
                rapi_password="secret",
                drained=False,
            )
        )

    def effects(self) -> list[Any]:
        return self.write(lambda connection: connection.execute(select(effects)).all())  # type: ignore[no-any-return]

    def test_told(self) -> None:
        """Without --fix it is told, and nothing is asked; exit status 4."""
        said = self.run_it("reconcile", "-F", "json", status=4)
        [row] = json.loads(said.stdout)
        self.assertEqual(
            (row["what"], row["id"], row["mended"]), ("server.orphan", self.orphan, False)
        )
        self.assertEqual(self.effects(), [])

    def test_mended(self) -> None:
        """With --fix its removal is asked for, with a line in the audit log."""
        self.run_it("reconcile", "server", "--fix")
        [effect] = self.effects()
        self.assertEqual((effect.method, effect.target), ("DELETE", self.orphan))
        self.assertEqual(self.lines()[-1].action, "cloud:reconcile")

    def test_other_kinds(self) -> None:
        """Who asks for networks alone is told of no servers, and none is mended."""
        self.run_it("reconcile", "network", "--fix")
        self.assertEqual(self.effects(), [])

    def test_no_such_kind(self) -> None:
        """A kind that is not there is named."""
        self.assertIn("'flower'", self.run_it("reconcile", "flower", status=3).output)

    def test_away(self) -> None:
        """A cluster that does not answer is named; exit status 1."""
        self.cluster.away = True
        self.assertIn("c1 could not be asked", self.run_it("reconcile", status=1).output)


def _handler(cluster: PlayingCluster) -> Any:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers: list[Any] = []
            asked = Deferred.fromCoroutine(cluster.get(urlsplit(self.path).path, {}))
            asked.addCallbacks(
                lambda value: answers.append((200, value)),
                lambda failure: answers.append((_status(failure.value), {"message": "no"})),
            )
            [(status, value)] = answers
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _status(error: Exception) -> int:
    return error.status if isinstance(error, ClusterRefused) else 503
