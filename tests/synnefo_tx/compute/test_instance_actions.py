"""
What was done to servers, as their users are told.
"""

from __future__ import annotations

from typing import Any

from tests.synnefo_tx.compute.actions.asking import ActionCase
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BOB


class InstanceActionTests(ActionCase):
    """
    /servers/<id>/os-instance-actions.
    """

    def setUp(self) -> None:
        super().setUp()
        self.path = f"/servers/{self.server}/os-instance-actions"

    def listed(self, query: str = "", version: str | None = None) -> Any:
        answer = self.cloud.nova("GET", self.path + query, version=version)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def test_newest_first(self) -> None:
        """Each by its request, with who asked for it."""
        self.cloud.now += 1
        stopped = self.act("os-stop").header("x-compute-request-id")
        self.assertEqual(
            self.listed()["instanceActions"][0],
            {
                "action": "stop",
                "instance_uuid": self.server,
                "request_id": stopped,
                "user_id": ALICE,
                "project_id": "project-alice",
                "start_time": "2025-11-23T01:29:54.000000",
                "message": None,
            },
        )
        names = [one["action"] for one in self.listed(version="2.58")["instanceActions"]]
        self.assertEqual(names, ["stop", "create"])
        self.assertIn("updated_at", self.listed(version="2.58")["instanceActions"][0])

    def test_refused_ones_are_not_there(self) -> None:
        """Nothing was done."""
        self.act("os-start")
        self.assertEqual(len(self.listed()["instanceActions"]), 1)

    def test_one(self) -> None:
        """Its events are an administrator's before 2.51, and tell more to them since."""
        self.cloud.now += 1
        request = self.act("os-stop").header("x-compute-request-id")
        path = f"{self.path}/{request}"

        def shown(user: str, version: str) -> Any:
            return self.cloud.nova("GET", path, None, user, version).json["instanceAction"]

        self.assertNotIn("events", shown(ALICE, "2.50"))
        event = {
            "event": "compute_stop_instance",
            "start_time": "2025-11-23T01:29:54.000000",
            "finish_time": None,
            "result": None,
        }
        self.assertEqual(shown(ALICE, "2.51")["events"], [event])
        self.assertEqual(shown(ADMIN, "2.50")["events"], [{**event, "traceback": None}])
        self.assertEqual(shown(ALICE, "2.84")["events"], [{**event, "hostId": ""}])
        self.assertEqual(
            shown(ADMIN, "2.84")["events"],
            [{**event, "traceback": None, "host": "", "hostId": "", "details": None}],
        )

    def test_pages(self) -> None:
        """From 2.58 on, with links."""
        for name in ("lock", "unlock"):
            self.cloud.now += 1
            self.accepted(name)
        page = self.listed("?limit=2", "2.58")
        self.assertEqual([one["action"] for one in page["instanceActions"]], ["unlock", "lock"])
        _, _, query = page["links"][0]["href"].partition("?")
        rest = self.listed(f"?{query}", "2.58")
        self.assertEqual([one["action"] for one in rest["instanceActions"]], ["create"])
        self.assertNotIn("links", rest)
        self.assertEqual(len(self.listed("?limit=1")["instanceActions"]), 3)

    def test_times(self) -> None:
        """By the time of the last change; an upper bound from 2.66 on."""
        self.cloud.now += 60
        self.accepted("lock")
        moment = "2025-11-23T01:30:00Z"
        for query, names in (
            (f"?changes-since={moment}", ["lock"]),
            (f"?changes-before={moment}", ["create"]),
        ):
            found = self.listed(query, "2.66")["instanceActions"]
            self.assertEqual([one["action"] for one in found], names)
        for query, version in (
            (f"?changes-before={moment}", "2.65"),
            ("?changes-since=x", "2.58"),
            ("?marker=nothing", "2.58"),
            (f"?changes-since={moment}&changes-before=2020-01-01T00:00:00Z", "2.66"),
        ):
            answer = self.cloud.nova("GET", self.path + query, version=version)
            self.assertEqual(answer.status, 400, query)

    def test_not_there(self) -> None:
        """Another's server, and a request that did nothing to it."""
        self.assertEqual(self.cloud.nova("GET", self.path, None, BOB).status, 404)
        answer = self.cloud.nova("GET", f"{self.path}/req-1")
        self.assertEqual(answer.json["itemNotFound"]["message"], "Action req-1 not found")

    def test_deleted_servers(self) -> None:
        """From 2.21 on."""
        self.cloud.believe(self.server, vm_state="deleted", deleted_at=1)
        self.assertEqual(self.cloud.nova("GET", self.path, version="2.20").status, 404)
        self.assertEqual(len(self.listed(version="2.21")["instanceActions"]), 1)
