"""
What can be asked of a server, and when not.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.compute.cloud import Cloud


class ActionTests(SynchronousTestCase):
    """
    POST /servers/<id>/action.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.server = self.cloud.active()
        self.cloud.kicks = 0

    def _act(self, body: Any, server_id: str | None = None) -> Any:
        return self.cloud.nova("POST", f"/servers/{server_id or self.server}/action", body)

    def _conflict(self, body: Any, text: str) -> None:
        answer = self._act(body)
        self.assertEqual(
            (answer.status, answer.json),
            (409, {"conflictingRequest": {"code": 409, "message": text}}),
        )

    def test_power(self) -> None:
        """Each action has its task and its RAPI call."""
        for body, vm_state, task, kind, method, query in (
            ({"os-stop": None}, "active", "powering-off", "server.stop", "PUT", {}),
            ({"os-start": None}, "stopped", "powering-on", "server.start", "PUT", {}),
            (
                {"reboot": {"type": "SOFT"}},
                "active",
                "rebooting",
                "server.reboot",
                "POST",
                {"type": "soft"},
            ),
            (
                {"reboot": {"type": "Hard"}},
                "stopped",
                "rebooting_hard",
                "server.reboot",
                "POST",
                {"type": "hard"},
            ),
        ):
            self.cloud.believe(self.server, vm_state=vm_state, task_state=None)
            answer = self._act(body)
            self.assertEqual((answer.status, answer.body), (202, b""), body)
            wish = self.cloud.wishes(self.server)[-1]
            row = self.cloud.row(self.server)
            self.assertEqual(
                (wish.kind, wish.method, wish.query, row.task_state), (kind, method, query, task)
            )
            self.assertIsNotNone(wish.task_id)
        self.assertEqual(self.cloud.kicks, 4)

    def test_wrong_states(self) -> None:
        """Conflicts in Nova's words, without a wish."""
        server = self.server
        for vm_state, task, body, name, attribute, state in (
            ("active", None, {"os-start": None}, "start", "vm_state", "active"),
            ("stopped", None, {"os-stop": None}, "stop", "vm_state", "stopped"),
            ("building", "spawning", {"os-stop": None}, "stop", "vm_state", "building"),
            ("stopped", None, {"reboot": {"type": "SOFT"}}, "reboot", "vm_state", "stopped"),
            ("active", "deleting", {"os-stop": None}, "stop", "task_state", "deleting"),
            ("stopped", "powering-on", {"os-start": {}}, "start", "task_state", "powering-on"),
            (
                "active",
                "rebooting",
                {"reboot": {"type": "SOFT"}},
                "reboot",
                "task_state",
                "rebooting",
            ),
        ):
            self.cloud.believe(server, vm_state=vm_state, task_state=task)
            self._conflict(
                body, f"Cannot '{name}' instance {server} while it is in {attribute} {state}"
            )
        self.assertEqual(len(self.cloud.wishes(server)), 1)
        self.assertEqual(self.cloud.kicks, 0)

    def test_a_hard_reboot_overtakes_a_soft_one(self) -> None:
        """A guest that does not answer can still be reset."""
        self.cloud.believe(self.server, task_state="rebooting")
        self.assertEqual(self._act({"reboot": {"type": "HARD"}}).status, 202)

    def test_never_launched(self) -> None:
        """A server that came to nothing can't be stopped."""
        self.cloud.believe(self.server, vm_state="error", launched_at=None)
        self._conflict(
            {"os-stop": None}, f"Instance {self.server} is in an invalid state for 'stop'"
        )

    def test_bodies(self) -> None:
        """What is no action, or a wrong one."""
        for body, text in (
            ({"nope": None}, "There is no such action: nope"),
            ({}, "Malformed request body"),
            ([], "Malformed request body"),
            (b"{", "Malformed request body"),
            (
                {"reboot": {}},
                (
                    "Invalid input for field/attribute reboot. Value: {}. 'type' is a required "
                    "property"
                ),
            ),
            (
                {"reboot": {"type": "x"}},
                (
                    "Invalid input for field/attribute type. Value: x. 'x' is not one of ['HARD', "
                    "'Hard', 'hard', 'SOFT', 'Soft', 'soft']"
                ),
            ),
            (
                {"os-getConsoleOutput": {"length": "x"}},
                (
                    "Invalid input for field/attribute length. Value: x. 'x' does not match "
                    "'^-?[0-9]+$'"
                ),
            ),
        ):
            answer = self._act(body)
            self.assertEqual(
                answer.json, {"badRequest": {"code": 400, "message": text}}, repr(body)
            )

    def test_console_output(self) -> None:
        """The lines asked for, without control characters."""
        self.cloud.console_text = "a\x1b[1mb\r\n\tc\n"
        for length, lines in ((None, None), (5, 5), ("7", 7), (-1, None)):
            fields = {} if length is None else {"length": length}
            answer = self._act({"os-getConsoleOutput": fields})
            self.assertEqual(answer.json, {"output": "a[1mb\n\tc\n"})
            self.assertEqual(self.cloud.consoles[-1], ("cluster-1", self.server, lines))

    def test_console_of_a_server_in_build(self) -> None:
        """It is not ready."""
        server_id = self.cloud.create()
        answer = self._act({"os-getConsoleOutput": {}}, server_id)
        self.assertEqual(
            answer.json,
            {"conflictingRequest": {"code": 409, "message": f"Instance {server_id} is not ready"}},
        )
