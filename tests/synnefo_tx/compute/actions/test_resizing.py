"""
Resizing, and whether it stays.
"""

from __future__ import annotations

from sqlalchemy import select

from synnefo_tx.compute.rows.census import CENSUS, count
from synnefo_tx.quota.rows.holdings import held
from synnefo_tx.volume.rows.tables import volumes
from tests.synnefo_tx.compute.actions.asking import ActionCase
from tests.synnefo_tx.compute.cloud import ALICE, project_of

_DISK = "Server disk was unable to be resized because"
CHANGE = ("OP_INSTANCE_SHUTDOWN", "OP_INSTANCE_SET_PARAMS", "OP_INSTANCE_STARTUP")


class ResizeTests(ActionCase):
    """
    From flavor 1 (1 core, 128 MiB, 1 GiB) to 2 (2 cores, 512 MiB, 4 GiB).
    """

    def setUp(self) -> None:
        super().setUp()
        self.settle()
        self.before = self.cloud.used()

    def disk_gib(self) -> int:
        """Of the server's boot disk."""
        with self.cloud.database.engine.connect() as connection:
            of_it = select(volumes.c.size_gib).where(volumes.c.server_id == self.server)
            return int(connection.execute(of_it).scalar_one())

    def counted_right(self) -> None:
        """What is charged is what a count of the rows gives."""
        project = project_of(ALICE)
        with self.cloud.database.engine.connect() as connection:
            counted = count(connection)
            charged = held(connection, project)
        found = {
            key.resource: amount
            for key, amount in counted.items()
            if key.holder == f"project:{project}" and amount
        }
        used = {name: charged[name].used for name in CENSUS.resources if charged[name].used}
        self.assertEqual(found, used)

    def resized(self) -> None:
        self.accepted("resize", {"flavorRef": "2"})
        self.assertEqual(self.status(), ("RESIZE", "resize_prep"))
        self.assertEqual(self.goes(*CHANGE), ["/shutdown", "/modify", "/startup"])
        self.assertEqual(self.status(), ("VERIFY_RESIZE", None))

    def test_confirmed(self) -> None:
        """Cores and memory first; the disk grows when there is no way back."""
        self.accepted("resize", {"flavorRef": "2"})
        self.goes("OP_INSTANCE_SHUTDOWN")
        self.assertEqual(self.wish().body, {"beparams": {"vcpus": 2, "memory": 512}})
        self.goes(*CHANGE[1:])
        self.assertEqual(self.shown()["flavor"]["original_name"], "small")
        answer = self.act("confirmResize")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.wish().body, {"amount": 4096, "absolute": True})
        self.assertEqual(self.goes("OP_INSTANCE_GROW_DISK"), ["/disk/0/grow"])
        self.assertEqual(self.status(), ("ACTIVE", None))
        self.assertEqual(self.disk_gib(), 4)
        used = self.cloud.used()
        self.assertEqual((used["cores"], used["ram"], used["gigabytes"]), (2, 512, 4))

    def test_reverted(self) -> None:
        """Everything is as before, the charges too."""
        self.resized()
        self.accepted("revertResize")
        self.assertEqual(self.status(), ("REVERT_RESIZE", "resize_reverting"))
        self.goes("OP_INSTANCE_SHUTDOWN")
        self.assertEqual(self.wish().body, {"beparams": {"vcpus": 1, "memory": 128}})
        self.goes(*CHANGE[1:])
        self.assertEqual(self.status(), ("ACTIVE", None))
        self.assertEqual(self.shown()["flavor"]["original_name"], "tiny")
        self.assertEqual((self.cloud.used(), self.disk_gib()), (self.before, 1))

    def test_a_stopped_one_stays_stopped(self) -> None:
        """Only its parameters are changed."""
        self.cloud.believe(self.server, vm_state="stopped", power_state=4)
        self.accepted("resize", {"flavorRef": "2"})
        self.assertEqual(self.goes("OP_INSTANCE_SET_PARAMS"), ["/modify"])
        self.act("confirmResize")
        self.goes("OP_INSTANCE_GROW_DISK")
        self.assertEqual(self.status(), ("SHUTOFF", None))

    def test_failure(self) -> None:
        """It runs again as it was."""
        self.accepted("resize", {"flavorRef": "2"})
        self.goes("OP_INSTANCE_SHUTDOWN")
        self.fails("OP_INSTANCE_SET_PARAMS")
        self.assertEqual(self.goes("OP_INSTANCE_STARTUP"), ["/startup"])
        self.assertEqual(self.status(), ("ACTIVE", None))
        self.assertEqual(self.cloud.used(), self.before)
        self.assertEqual(self.cloud.row(self.server).fault["message"], "no room")

    def test_refusals(self) -> None:
        """Nova's words."""
        for flavor, text in (
            ("1", "When resizing, instances must change flavor!"),
            ("none", "Flavor none could not be found."),
            ("9", "Flavor 9 could not be found."),
            ("0", f"{_DISK}: Resize to zero disk flavor is not allowed."),
        ):
            answer = self.act("resize", {"flavorRef": flavor})
            self.assertEqual(
                (answer.status, answer.json["badRequest"]["message"]), (400, text), flavor
            )
        for name in ("confirmResize", "revertResize"):
            self.conflict(
                f"Cannot '{name}' instance {self.server} while it is in vm_state active", name
            )

    def test_the_larger_of_both_is_charged_meanwhile(self) -> None:
        """And a count of the rows says the same at every step."""
        self.counted_right()
        self.accepted("resize", {"flavorRef": "2"})
        used = self.cloud.used()
        self.assertEqual((used["cores"], used["ram"], used["gigabytes"]), (2, 512, 1))
        self.counted_right()
        self.goes(*CHANGE)
        self.counted_right()
        self.act("confirmResize")
        self.counted_right()
        self.goes("OP_INSTANCE_GROW_DISK")
        self.counted_right()
