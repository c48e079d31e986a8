"""
What other services say of servers, and passwords that guests seal.
"""

from __future__ import annotations

from typing import Any

from tests.synnefo_tx.compute.actions.asking import ActionCase
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BOB, READER, some_id


class ExternalEventTests(ActionCase):
    """
    /os-server-external-events.
    """

    def send(self, events: Any, version: str | None = None, user: str = ADMIN) -> Any:
        path = "/os-server-external-events"
        return self.cloud.nova("POST", path, {"events": events}, user, version)

    def test_taken(self) -> None:
        """Each comes back with its code."""
        event = {"name": "network-changed", "server_uuid": self.server}
        answer = self.send([event])
        self.assertEqual(
            (answer.status, answer.json),
            (200, {"events": [{**event, "status": "completed", "code": 200}]}),
        )

    def test_fates(self) -> None:
        """One that can't be taken is told apart, and the others are taken."""
        nowhere, strange = self.cloud.create(), some_id()
        answer = self.send(
            [
                {"name": "volume-extended", "server_uuid": self.server, "tag": "v"},
                {"name": "volume-extended", "server_uuid": self.server},
                {"name": "network-changed", "server_uuid": nowhere},
                {"name": "network-changed", "server_uuid": strange},
            ],
            "2.51",
        )
        self.assertEqual(answer.status, 207)
        self.assertEqual([one["code"] for one in answer.json["events"]], [200, 400, 422, 404])
        path = f"/servers/{self.server}/os-instance-actions"
        actions = self.cloud.nova("GET", path).json["instanceActions"]
        self.assertIn("extend_volume", [one["action"] for one in actions])

    def test_names_of_microversions(self) -> None:
        """A name that came later is none before."""
        for name, before, since in (
            ("volume-extended", "2.50", "2.51"),
            ("power-update", "2.75", "2.76"),
            ("volume-reimaged", "2.92", "2.93"),
        ):
            event = [{"name": name, "server_uuid": self.server, "tag": "x"}]
            self.assertEqual(self.send(event, before).status, 400)
            self.assertEqual(self.send(event, since).status, 200)

    def test_who_may(self) -> None:
        """No user."""
        self.assertEqual(self.send([], user=ALICE).status, 403)


class PasswordTests(ActionCase):
    """
    /servers/<id>/os-server-password.
    """

    def test_shown_and_forgotten(self) -> None:
        """Nothing but text that the guest sealed."""
        path = f"/servers/{self.server}/os-server-password"
        self.assertEqual(self.cloud.nova("GET", path).json, {"password": ""})
        self.cloud.believe(self.server, password="c2VhbGVk")
        self.assertEqual(self.cloud.nova("GET", path, None, READER).json, {"password": "c2VhbGVk"})
        self.assertEqual(self.cloud.nova("DELETE", path, None, READER).status, 403)
        self.assertEqual(self.cloud.nova("DELETE", path, None, BOB).status, 404)
        self.assertEqual(self.cloud.nova("DELETE", path).status, 204)
        self.assertEqual(self.cloud.nova("GET", path).json, {"password": ""})
