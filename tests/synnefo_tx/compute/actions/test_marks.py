"""
Locks, and states set by hand.
"""

from __future__ import annotations

from tests.synnefo_tx.compute.actions.asking import ActionCase
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, READER


class LockTests(ActionCase):
    """
    Nova's locks.
    """

    def test_what_is_locked_stays(self) -> None:
        """Its owner can't stop, delete or mark it; tags and a new name are no change of it."""
        self.accepted("lock")
        text = f"Instance {self.server} is locked"
        self.conflict(text, "os-stop")
        answers = [
            self.cloud.nova("DELETE", f"/servers/{self.server}"),
            self.cloud.nova("POST", f"/servers/{self.server}/metadata", {"metadata": {"a": "b"}}),
        ]
        self.assertEqual([answer.status for answer in answers], [409, 409])
        self.assertEqual(len(self.cloud.wishes(self.server)), 1)
        renamed = self.cloud.nova("PUT", f"/servers/{self.server}", {"server": {"name": "new"}})
        tagged = self.cloud.nova("PUT", f"/servers/{self.server}/tags/a", version="2.26")
        self.assertEqual((renamed.status, tagged.status), (200, 201))
        self.accepted("unlock")
        self.accepted("os-stop")

    def test_administrators_pass_it(self) -> None:
        """They stop what is locked."""
        self.accepted("lock")
        self.accepted("os-stop", user=ADMIN)

    def test_an_administrators_lock(self) -> None:
        """Its owner can't take it away, nor make it an own one."""
        self.accepted("lock", user=ADMIN)
        self.accepted("lock")
        answer = self.act("unlock")
        self.assertEqual(
            answer.json,
            {
                "forbidden": {
                    "code": 403,
                    "message": "Policy doesn't allow os_compute_api:os-lock-server:unlock:"
                    "unlock_override to be performed.",
                }
            },
        )
        self.assertTrue(self.shown()["locked"])
        self.accepted("unlock", user=ADMIN)
        self.assertFalse(self.shown()["locked"])

    def test_reasons(self) -> None:
        """From 2.73 on a lock has a reason; before, whatever comes along is passed over."""
        self.accepted("lock", {"locked_reason": "mine"}, version="2.73")
        shown = self.shown()
        self.assertEqual((shown["locked"], shown["locked_reason"]), (True, "mine"))
        self.assertNotIn("locked_reason", self.shown(version="2.72"))
        self.accepted("unlock")
        self.assertIsNone(self.shown()["locked_reason"])
        self.accepted("lock", {"locked_reason": "mine"})
        self.assertIsNone(self.shown()["locked_reason"])
        for value in ({"locked_reason": ""}, {"reason": "x"}, "x"):
            self.assertEqual(self.act("lock", value, version="2.73").status, 400)

    def test_lists_by_lock(self) -> None:
        """From 2.73 on."""
        self.accepted("lock")
        for version, query, count in (
            ("2.73", "locked=true", 1),
            ("2.73", "locked=False", 0),
            ("2.72", "locked=False", 1),
        ):
            answer = self.cloud.nova("GET", f"/servers?{query}", version=version)
            self.assertEqual(len(answer.json["servers"]), count, (version, query))
        self.assertEqual(self.cloud.nova("GET", "/servers?locked=x", version="2.73").status, 400)

    def test_who_may(self) -> None:
        """No reader; and each lock is a line of the audit log."""
        self.assertEqual(self.act("lock", user=READER).status, 403)
        self.accepted("lock")
        line = ("os_compute_api:os-lock-server:lock", ALICE, self.server)
        self.assertEqual([one for one in self.logged() if "lock" in one[0]], [line])


class ResetStateTests(ActionCase):
    """
    os-resetState.
    """

    def test_reset(self) -> None:
        """Whatever it was at, the server is in the state told."""
        self.cloud.believe(self.server, task_state="powering-off")
        for state, status in (("error", "ERROR"), ("active", "ACTIVE")):
            self.accepted("os-resetState", {"state": state}, user=ADMIN)
            shown = self.shown(ADMIN)
            self.assertEqual((shown["status"], shown["OS-EXT-STS:task_state"]), (status, None))

    def test_who_may(self) -> None:
        """Administrators."""
        self.assertEqual(self.act("os-resetState", {"state": "error"}).status, 403)
        self.assertEqual(self.act("os-resetState", {"state": "x"}, user=ADMIN).status, 400)

    def test_network_info(self) -> None:
        """Guests have it always; an administrator may ask for it nevertheless."""
        self.accepted("injectNetworkInfo", user=ADMIN)
        self.assertEqual(self.act("injectNetworkInfo").status, 403)
