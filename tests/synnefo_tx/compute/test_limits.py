"""
/limits, /os-quota-sets, and what holds when two ask for the last server.
"""

from __future__ import annotations

import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.rows.create_servers import create_servers
from synnefo_tx.compute.rows.servers import Caller
from synnefo_tx.compute.rules.create_request import read_request
from synnefo_tx.errors import OverQuota
from synnefo_tx.store.database import Database
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BOB, Cloud, asked

OWN = "/os-quota-sets/project-alice"


class LimitTests(SynchronousTestCase):
    """
    What a project may use and uses.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.cloud.create(flavorRef="2")

    def test_limits(self) -> None:
        """Fewer of them in later microversions."""
        absolute = self.cloud.nova("GET", "/limits").json["limits"]["absolute"]
        self.assertEqual(absolute["totalCoresUsed"], 2)
        self.assertEqual(absolute["totalRAMUsed"], 512)
        self.assertEqual(absolute["maxTotalInstances"], 20)
        self.assertEqual(absolute["maxPersonality"], 5)
        later = self.cloud.nova("GET", "/limits", version="2.57").json["limits"]["absolute"]
        for gone in ("maxPersonality", "maxImageMeta", "maxSecurityGroups"):
            self.assertNotIn(gone, later)

    def test_quota_sets(self) -> None:
        """Own ones, with and without use; another's for administrators."""
        quota = self.cloud.nova("GET", OWN).json["quota_set"]
        self.assertEqual((quota["id"], quota["cores"]), ("project-alice", 40))
        detail = self.cloud.nova("GET", f"{OWN}/detail").json["quota_set"]
        self.assertEqual(detail["cores"], {"limit": 40, "in_use": 2, "reserved": 0})
        refused = self.cloud.nova("GET", OWN, user=BOB)
        self.assertEqual(
            refused.json["forbidden"]["message"],
            "Policy doesn't allow os_compute_api:os-quota-sets:show to be performed.",
        )
        self.assertEqual(self.cloud.nova("GET", OWN, user=ADMIN).json["quota_set"], quota)
        self.assertNotIn(
            "floating_ips", self.cloud.nova("GET", OWN, version="2.36").json["quota_set"]
        )


class RaceTests(SynchronousTestCase):
    """
    Threads that create servers over one database at the same time.
    """

    def test_last_server(self) -> None:
        """Of four requests for the last two servers, two win; addresses differ."""
        cloud = Cloud(self)
        cloud.create(min_count=18)
        request = read_request({"server": asked()}, (2, 1))
        caller = Caller("project-alice", ALICE)
        start = threading.Barrier(4)
        won: list[Any] = []
        lost: list[OverQuota] = []

        def ask() -> None:
            start.wait()
            try:
                won.append(_write(cloud.database, caller, request))
            except OverQuota as error:
                lost.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(won), len(lost)), (2, 2))
        self.assertEqual(cloud.used()["instances"], 20)
        servers = cloud.nova("GET", "/servers/detail").json["servers"]
        addresses = {server["addresses"]["default"][0]["addr"] for server in servers}
        self.assertEqual(len(addresses), 20)


def _write(database: Database, caller: Caller, request: Any) -> Any:
    with database.engine.connect() as connection:
        connection = connection.execution_options(synnefo_write=True)
        with connection.begin():
            return create_servers(connection, caller, request, 1)
