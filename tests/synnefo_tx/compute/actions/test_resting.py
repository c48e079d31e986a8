"""
Pausing and suspending.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.rules.quotas import RUNNING
from tests.synnefo_tx.compute.actions.asking import ActionCase


class RestingTests(ActionCase):
    """
    From a call to what its user sees in the end.
    """

    def setUp(self) -> None:
        super().setUp()
        self.settle()

    def test_there_and_back(self) -> None:
        """Each has its call, its task and its status."""
        for name, path, operation, task, status, power in (
            ("pause", "/pause", "OP_INSTANCE_PAUSE", "pausing", "PAUSED", 3),
            ("unpause", "/unpause", "OP_INSTANCE_UNPAUSE", "unpausing", "ACTIVE", 1),
            ("suspend", "/suspend", "OP_INSTANCE_SUSPEND", "suspending", "SUSPENDED", 7),
            ("resume", "/resume", "OP_INSTANCE_RESUME", "resuming", "ACTIVE", 1),
        ):
            self.accepted(name)
            self.assertEqual(self.status()[1], task)
            self.assertEqual(self.goes(operation), [path])
            self.assertEqual(self.status(), (status, None))
            self.assertEqual(self.cloud.row(self.server).power_state, power)

    def test_in_the_wrong_state(self) -> None:
        """Nova's words."""
        for name, state in (("unpause", "active"), ("resume", "active")):
            self.conflict(
                f"Cannot '{name}' instance {self.server} while it is in vm_state {state}", name
            )

    def test_what_sleeps_is_not_charged(self) -> None:
        """As what is stopped; what is paused keeps its memory."""
        before = self.cloud.used()
        self.accepted("pause")
        self.goes("OP_INSTANCE_PAUSE")
        self.assertEqual(self.cloud.used(), before)
        self.accepted("unpause")
        self.goes("OP_INSTANCE_UNPAUSE")
        self.accepted("suspend")
        self.goes("OP_INSTANCE_SUSPEND")
        at_rest = {name: n for name, n in before.items() if name not in RUNNING}
        self.assertNotEqual(at_rest, before)
        self.assertEqual(self.cloud.used(), at_rest)
        self.accepted("resume")
        self.assertEqual(self.cloud.used(), before)

    def test_failure(self) -> None:
        """It is as it was, its fault says why, and so does what was done to it."""
        answer: Any = self.act("pause")
        self.fails("OP_INSTANCE_PAUSE", "the guest is gone")
        self.assertEqual(self.status(), ("ACTIVE", None))
        request = answer.header("x-compute-request-id")
        path = f"/servers/{self.server}/os-instance-actions/{request}"
        action = self.cloud.nova("GET", path, version="2.51").json["instanceAction"]
        self.assertEqual((action["action"], action["message"]), ("pause", "Error"))
        self.assertEqual(action["events"][0]["result"], "Error")
        self.assertEqual(self.cloud.row(self.server).fault["message"], "the guest is gone")
