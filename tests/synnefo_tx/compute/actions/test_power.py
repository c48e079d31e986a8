"""
Starting, stopping, rebooting, deleting, and what a guest is told.
"""

from __future__ import annotations

from sqlalchemy import update

from synnefo_tx.image.rows.tables import images
from tests.synnefo_tx.compute.actions.asking import ActionCase


class PowerTests(ActionCase):
    """
    From a call to what its user sees in the end.
    """

    def setUp(self) -> None:
        super().setUp()
        self.settle()

    def test_stopped_and_started(self) -> None:
        """And stopped from what is stopped already it is not."""
        self.accepted("os-stop")
        self.assertEqual(self.status(), ("ACTIVE", "powering-off"))
        self.assertEqual(self.goes("OP_INSTANCE_SHUTDOWN"), ["/shutdown"])
        self.assertEqual(self.status(), ("SHUTOFF", None))
        self.assertEqual(self.act("os-stop").status, 409)
        self.accepted("os-start")
        self.assertEqual(self.goes("OP_INSTANCE_STARTUP"), ["/startup"])
        self.assertEqual(self.status(), ("ACTIVE", None))

    def test_rebooted(self) -> None:
        """Softly or hard, each with its status meanwhile."""
        for kind, status in (("SOFT", "REBOOT"), ("HARD", "HARD_REBOOT")):
            self.accepted("reboot", {"type": kind})
            self.assertEqual(self.status()[0], status)
            self.assertEqual(self.wish().query, {"type": kind.lower()})
            self.goes("OP_INSTANCE_REBOOT")
            self.assertEqual(self.status(), ("ACTIVE", None))

    def test_hard_out_of_a_pause(self) -> None:
        """A guest that stands still is reset."""
        self.cloud.believe(self.server, vm_state="paused", power_state=3)
        self.assertEqual(self.act("reboot", {"type": "SOFT"}).status, 409)
        self.accepted("reboot", {"type": "HARD"})
        self.goes("OP_INSTANCE_REBOOT")
        self.assertEqual(self.status(), ("ACTIVE", None))

    def test_deleted_by_force(self) -> None:
        """As deleted, and with a body of 202; nothing is left to restore."""
        self.conflict(
            f"Cannot 'restore' instance {self.server} while it is in vm_state active", "restore"
        )
        self.accepted("forceDelete")
        self.assertEqual(self.goes("OP_INSTANCE_REMOVE"), [""])
        self.assertEqual(self.cloud.nova("GET", f"/servers/{self.server}").status, 404)
        self.assertEqual(self.cloud.used(), {})

    def test_password(self) -> None:
        """Of root, or of whom the image names; the audit log does not know it."""
        self.accepted("changePassword", {"adminPass": "secret"})
        self.assertEqual(self.status(), ("PASSWORD", "updating_password"))
        self.assertEqual(self.wish().body, {"user": "root", "password": "secret"})
        self.assertEqual(self.goes("OP_INSTANCE_PASSWORD"), ["/password"])
        self.assertEqual(self.status(), ("ACTIVE", None))
        with self.cloud.database.engine.begin() as connection:
            connection.execute(update(images).values(properties={"os_admin_user": "Admin"}))
        self.accepted("changePassword", {"adminPass": "secret"})
        self.assertEqual(self.wish().body["user"], "Admin")
        self.assertNotIn("secret", repr(self.logged()))

    def test_no_agent(self) -> None:
        """The guest is as it was, and its fault says why."""
        self.accepted("changePassword", {"adminPass": "secret"})
        self.fails("OP_INSTANCE_PASSWORD", "no agent answers")
        self.assertEqual(self.status(), ("ACTIVE", None))
        self.assertEqual(self.cloud.row(self.server).fault["message"], "no agent answers")

    def test_crash_dump(self) -> None:
        """From 2.17 on; the server is at nothing meanwhile."""
        self.assertEqual(self.act("trigger_crash_dump", version="2.16").status, 400)
        self.accepted("trigger_crash_dump", version="2.17")
        self.assertEqual(self.status(), ("ACTIVE", None))
        self.assertEqual(self.goes("OP_INSTANCE_NMI"), ["/nmi"])
        self.assertEqual(self.status(), ("ACTIVE", None))
