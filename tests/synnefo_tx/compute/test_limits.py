"""
/limits, /os-quota-sets, and what holds when two ask for the last server.
"""

from __future__ import annotations

import threading
from typing import Any

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows.create_servers import create_servers
from synnefo_tx.compute.rows.servers import charge_running, release
from synnefo_tx.compute.rules.create_request import read_request
from synnefo_tx.errors import OverQuota
from synnefo_tx.identity.caller import Caller
from synnefo_tx.quota.registered import CPU
from synnefo_tx.quota.rows.limits import set_project_limits
from synnefo_tx.store.database import Database
from tests.live.postgresql import shared_server
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


class ChangeTests(SynchronousTestCase):
    """
    Administrators change what a project, or a user in it, may use.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.cloud.create(flavorRef="2")

    def put(self, quota_set: Any, path: str = OWN, **more: Any) -> Any:
        return self.cloud.nova("PUT", path, {"quota_set": quota_set}, **{"user": ADMIN, **more})

    def test_update(self) -> None:
        """The new limits hold at once, in Nova's units; numbers may come as text."""
        changed = self.put({"ram": 1024, "cores": "4", "instances": -1})
        self.assertEqual(changed.status, 200)
        quota = changed.json["quota_set"]
        self.assertNotIn("id", quota)
        self.assertEqual((quota["ram"], quota["cores"], quota["instances"]), (1024, 4, -1))
        shown = self.cloud.nova("GET", OWN).json["quota_set"]
        self.assertEqual(shown, {"id": "project-alice", **quota})
        absolute = self.cloud.nova("GET", "/limits").json["limits"]["absolute"]
        self.assertEqual(
            (absolute["maxTotalRAMSize"], absolute["maxTotalCores"], absolute["totalRAMUsed"]),
            (1024, 4, 512),
        )
        refused = self.cloud.nova("POST", "/servers", {"server": asked(flavorRef="2", min_count=2)})
        self.assertEqual(
            refused.json["forbidden"]["message"],
            "Quota exceeded for cores, ram: Requested 4, 1024, but already used 2, 512 of 4, 1024 "
            "cores, ram",
        )

    def test_it_is_in_the_audit_log(self) -> None:
        """Who, what and where."""
        self.put({"cores": 4})
        with self.cloud.database.engine.connect() as connection:
            quotas = select(audit_log).where(audit_log.c.target_kind != "server")
            row = connection.execute(quotas).one()
        self.assertEqual(
            (row.action, row.user_id, row.target_id, row.details),
            (
                "os_compute_api:os-quota-sets:update",
                ADMIN,
                "project-alice",
                {"user_id": "", "limits": {"cores": 4}},
            ),
        )

    def test_below_what_is_used(self) -> None:
        """Only by force."""
        refused = self.put({"cores": 1})
        self.assertEqual(
            (refused.status, refused.json["badRequest"]["message"]),
            (
                400,
                (
                    "Quota limit 1 for cores must be greater than or equal to already used and "
                    "reserved 2."
                ),
            ),
        )
        self.assertEqual(self.put({"cores": 1, "force": True}).json["quota_set"]["cores"], 1)
        detail = self.cloud.nova("GET", f"{OWN}/detail").json["quota_set"]["cores"]
        self.assertEqual(detail, {"limit": 1, "in_use": 2, "reserved": 0})

    def test_limits_of_a_user(self) -> None:
        """Within the project's; the user can't take more, others can."""
        own = f"{OWN}?user_id={ALICE}"
        self.assertEqual(self.put({"instances": 21}, own).status, 400)
        self.assertEqual(self.put({"instances": 1}, own).json["quota_set"]["instances"], 1)
        self.assertEqual(self.cloud.nova("GET", OWN).json["quota_set"]["instances"], 20)
        self.assertEqual(self.cloud.nova("GET", own).json["quota_set"]["instances"], 1)
        self.assertEqual(self.cloud.nova("POST", "/servers", {"server": asked()}).status, 403)
        self.assertEqual(self.cloud.nova("DELETE", own, user=ADMIN).status, 202)
        self.assertEqual(self.cloud.nova("GET", own).json["quota_set"]["instances"], 20)

    def test_a_project_that_is_not_there(self) -> None:
        """Has no limits to be set, or forgotten, or shown."""
        nowhere = "/os-quota-sets/nowhere"
        for method, path, body in (
            ("PUT", nowhere, {"quota_set": {"cores": 1}}),
            ("DELETE", nowhere, None),
            ("GET", nowhere, None),
            ("GET", f"{nowhere}/detail", None),
        ):
            refused = self.cloud.nova(method, path, body, user=ADMIN)
            self.assertEqual(
                (refused.status, refused.json["badRequest"]["message"]),
                (400, "Project ID nowhere is not a valid project."),
            )

    def test_delete(self) -> None:
        """The defaults hold again."""
        self.put({"cores": 5, "key_pairs": 1})
        deleted = self.cloud.nova("DELETE", OWN, user=ADMIN)
        self.assertEqual((deleted.status, deleted.body), (202, b""))
        usual = self.cloud.nova("GET", f"{OWN}/defaults").json
        self.assertEqual(self.cloud.nova("GET", OWN).json, usual)
        self.assertEqual((usual["quota_set"]["cores"], usual["quota_set"]["ram"]), (40, 51200))

    def test_key_pairs(self) -> None:
        """As many as the project's limit says, each user."""
        self.put({"key_pairs": 1})
        make = lambda name: self.cloud.nova("POST", "/os-keypairs", {"keypair": {"name": name}})  # noqa: E731
        self.assertEqual(make("one").status, 200)
        refused = make("two")
        self.assertEqual(
            (refused.status, refused.json["forbidden"]["message"]),
            (403, "Quota exceeded, too many key pairs."),
        )

    def test_metadata_items(self) -> None:
        """As many as the project's limit says, each server, from the beginning and later."""
        self.put({"metadata_items": 1})
        two = {"metadata": {"a": "1", "b": "2"}}
        made = self.cloud.nova("POST", "/servers", {"server": asked(**two)})
        server_id = self.cloud.active(metadata={"a": "1"})
        later = self.cloud.nova("PUT", f"/servers/{server_id}/metadata", two)
        for refused in (made, later):
            self.assertEqual(
                (refused.status, refused.json["forbidden"]["message"]),
                (403, "Maximum number of metadata items exceeds 1"),
            )

    def test_refusals(self) -> None:
        """Of users, of what is no limit, and of what the microversion does not know."""
        self.assertEqual(self.put({"cores": 1}, user=ALICE).status, 403)
        self.assertEqual(self.cloud.nova("DELETE", OWN, user=ALICE).status, 403)
        wrong, big = "Invalid input for field/attribute", 2**31
        also = "Additional properties are not allowed ('{}' was unexpected)".format
        for body, version, message in (
            ({"cores": -2}, None, f"{wrong} cores. Value: -2. -2 is less than the minimum of -1"),
            ({"cores": "x"}, None, f"{wrong} cores. Value: x. 'x' does not match '^-?[0-9]+$'"),
            (
                {"cores": big},
                None,
                f"{wrong} cores. Value: {big}. {big} is greater than the maximum of {big - 1}",
            ),
            ({"pots": 1}, None, f"{wrong} quota_set. Value: {{'pots': 1}}. {also('pots')}"),
            (
                {"floating_ips": 1},
                "2.36",
                f"{wrong} quota_set. Value: {{'floating_ips': 1}}. {also('floating_ips')}",
            ),
        ):
            refused = self.put(body, version=version)
            self.assertEqual(
                (refused.status, refused.json["badRequest"]["message"]), (400, message)
            )
        self.assertEqual(self.put({"floating_ips": 1}).status, 200)


class ClassTests(SynchronousTestCase):
    """
    The quota class in which every project is.
    """

    PATH = "/os-quota-class-sets/default"

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def put(self, limits: Any, path: str = PATH, **more: Any) -> Any:
        body = {"quota_class_set": limits}
        return self.cloud.nova("PUT", path, body, **{"user": ADMIN, **more})

    def test_its_limits_are_the_defaults(self) -> None:
        """They hold at once for whom nobody has set any, and new holdings have them too."""
        self.cloud.create()
        own = self.cloud.nova("PUT", OWN, {"quota_set": {"cores": 7}}, user=ADMIN)
        self.assertEqual(own.status, 200)
        changed = self.put({"ram": 1024, "cores": 3, "instances": "1"}).json["quota_class_set"]
        self.assertEqual((changed["ram"], changed["cores"], changed["instances"]), (1024, 3, 1))
        self.assertNotIn("id", changed)
        shown = self.cloud.nova("GET", self.PATH, user=ADMIN).json["quota_class_set"]
        self.assertEqual(shown, {"id": "default", **changed})
        alice = self.cloud.nova("GET", OWN).json["quota_set"]
        self.assertEqual((alice["ram"], alice["cores"], alice["instances"]), (1024, 7, 1))
        self.assertEqual(self.cloud.nova("GET", f"{OWN}/defaults").json["quota_set"]["cores"], 3)
        bob = self.cloud.nova("GET", "/os-quota-sets/project-bob", user=BOB).json["quota_set"]
        self.assertEqual((bob["cores"], bob["instances"]), (3, 1))
        full = self.cloud.nova("POST", "/servers", {"server": asked()})
        self.assertEqual(full.status, 403)

    def test_what_microversions_know(self) -> None:
        """Groups since 2.50, networking until then, files until 2.57."""
        for version, here, gone in (
            ("2.1", "floating_ips", "server_groups"),
            ("2.50", "server_groups", "floating_ips"),
            ("2.57", "server_groups", "injected_files"),
        ):
            shown = self.cloud.nova("GET", self.PATH, user=ADMIN, version=version).json
            self.assertIn(here, shown["quota_class_set"])
            self.assertNotIn(gone, shown["quota_class_set"])
            self.assertEqual(self.put({gone: 1}, version=version).status, 400)

    def test_it_is_in_the_audit_log(self) -> None:
        """Who, and what."""
        self.put({"cores": 4})
        with self.cloud.database.engine.connect() as connection:
            row = connection.execute(select(audit_log)).one()
        self.assertEqual(
            (row.action, row.user_id, row.target_id, row.details),
            (
                "os_compute_api:os-quota-class-sets:update",
                ADMIN,
                "default",
                {"limits": {"cores": 4}},
            ),
        )

    def test_refusals(self) -> None:
        """Users, other classes, and what is no limit."""
        self.assertEqual(self.cloud.nova("GET", self.PATH).status, 403)
        self.assertEqual(self.put({"cores": 1}, user=ALICE).status, 403)
        self.assertEqual(self.put({"cores": 1}, "/os-quota-class-sets/gold").status, 404)
        self.assertEqual(self.put({"cores": "x"}).status, 400)


class RunningTests(SynchronousTestCase):
    """
    Processors and memory of running servers are charged while they run.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.server_id = self.cloud.active()

    def running(self) -> tuple[int, int]:
        used = self.cloud.used()
        return used.get("cyclades.cpu", 0), used.get("cyclades.ram", 0) >> 20

    def stop(self) -> None:
        with self.cloud.database.engine.begin() as connection:
            known = (self.cloud.row(self.server_id), "stopped", None)
            charge_running(connection, *known)
        self.cloud.believe(self.server_id, vm_state="stopped", task_state=None, power_state=4)

    def test_a_stopped_server_holds_less(self) -> None:
        """And the same again once it is started, however often that is told."""
        self.assertEqual(self.running(), (1, 128))
        self.stop()
        self.stop()
        self.assertEqual((self.running(), self.cloud.used()["cores"]), ((0, 0), 1))
        path = f"/servers/{self.server_id}/action"
        self.assertEqual(self.cloud.nova("POST", path, {"os-start": None}).status, 202)
        self.assertEqual(self.running(), (1, 128))
        with self.cloud.database.engine.begin() as connection:
            charge_running(connection, self.cloud.row(self.server_id), "active", None)
        self.assertEqual(self.running(), (1, 128))

    def test_no_start_over_the_limit(self) -> None:
        """The server stays as it is."""
        self.stop()
        with self.cloud.database.engine.begin() as connection:
            set_project_limits(connection, "project-alice", {CPU: 0})
        refused = self.cloud.nova("POST", f"/servers/{self.server_id}/action", {"os-start": None})
        self.assertEqual(refused.status, 403)
        self.assertEqual(self.cloud.row(self.server_id).task_state, None)

    def test_deleting_returns_what_is_held(self) -> None:
        """Of a stopped server too."""
        self.stop()
        with self.cloud.database.engine.begin() as connection:
            release(connection, self.cloud.row(self.server_id), 1)
        self.assertEqual(self.cloud.used(), {})


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


class PostgresqlRaceTests(RaceTests):
    """
    The same where all write at once that don't meet.
    """

    def database_place(self) -> str:
        return shared_server().new_database()


def _write(database: Database, caller: Caller, request: Any) -> Any:
    with database.engine.connect() as connection:
        connection = connection.execution_options(synnefo_write=True)
        with connection.begin():
            return create_servers(connection, Ask(caller, "", "req-1", 1), request)
