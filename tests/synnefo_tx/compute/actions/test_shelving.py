"""
Shelving.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from synnefo_tx.image.rows.tables import images
from tests.synnefo_tx.compute.actions.asking import ActionCase
from tests.synnefo_tx.compute.cloud import ADMIN

SHELVE = ("OP_INSTANCE_SHUTDOWN", "OP_INSTANCE_SNAPSHOT", "OP_INSTANCE_REMOVE")


class ShelvingTests(ActionCase):
    """
    Off its cluster, and on it again.
    """

    def setUp(self) -> None:
        super().setUp()
        self.settle()
        self.before = self.cloud.used()

    def image(self) -> Any:
        """The image that the server waits as."""
        wanted = select(images).where(images.c.name == "w-shelved")
        with self.cloud.database.engine.connect() as connection:
            return connection.execute(wanted).one()

    def shelved(self) -> None:
        self.accepted("shelve")
        self.assertEqual(self.goes(*SHELVE), ["/shutdown", "/snapshot", ""])
        self.assertEqual(self.status(), ("SHELVED_OFFLOADED", None))

    def test_there_and_back(self) -> None:
        """Its disk is an image meanwhile; its address stays, and what runs is not charged."""
        address = self.shown()["addresses"]
        self.shelved()
        self.assertEqual((self.image().status, self.shown()["hostId"]), ("active", ""))
        self.assertEqual(self.shown()["addresses"], address)
        self.assertEqual(
            self.cloud.used(),
            {name: n for name, n in self.before.items() if "cyclades" not in name},
        )
        self.accepted("unshelve")
        body = self.wish().body
        self.assertEqual(body["disks"][0]["origin"], self.image().boot_volume)
        self.assertEqual(body["nics"][0]["ip"], address["default"][0]["addr"])
        self.assertEqual(self.goes("OP_INSTANCE_CREATE"), ["/2/instances"])
        self.assertEqual(self.status(), ("ACTIVE", None))
        self.assertEqual((self.image().status, self.cloud.used()), ("deleted", self.before))

    def test_failure(self) -> None:
        """It stays where it is, and runs."""
        self.accepted("shelve")
        self.goes(SHELVE[0])
        self.fails(SHELVE[1])
        self.goes("OP_INSTANCE_STARTUP")
        self.assertEqual((self.status(), self.image().status), (("ACTIVE", None), "deleted"))

    def test_no_place_to_come_back_to(self) -> None:
        """It stays shelved, and is charged as such."""
        self.shelved()
        held = self.cloud.used()
        self.accepted("unshelve")
        self.fails("OP_INSTANCE_CREATE")
        self.assertEqual(self.status(), ("SHELVED_OFFLOADED", None))
        self.assertEqual((self.cloud.used(), self.image().status), (held, "active"))

    def test_deleted(self) -> None:
        """At once: no cluster has it.  Its image goes, too."""
        self.shelved()
        self.assertEqual(self.cloud.nova("DELETE", f"/servers/{self.server}").status, 204)
        self.assertEqual(self.cloud.nova("GET", f"/servers/{self.server}").status, 404)
        self.assertEqual((self.image().status, self.cloud.used()), ("deleted", {}))
        self.assertEqual(self.cloud.wishes(self.server), [])

    def protect(self) -> None:
        with self.cloud.database.engine.begin() as connection:
            connection.execute(update(images).values(protected=True))

    def test_an_image_that_its_owner_protects(self) -> None:
        """It outlives the server's return, and the server's end."""
        self.shelved()
        self.protect()
        self.accepted("unshelve")
        self.goes("OP_INSTANCE_CREATE")
        self.assertEqual((self.status(), self.image().status), (("ACTIVE", None), "active"))

    def test_deleted_though_its_image_is_protected(self) -> None:
        """The image is kept, and the server gone."""
        self.shelved()
        self.protect()
        self.assertEqual(self.cloud.nova("DELETE", f"/servers/{self.server}").status, 204)
        self.assertEqual((self.image().status, self.cloud.used()), ("active", {}))

    def test_deleted_while_it_is_shelved(self) -> None:
        """It is gone with its job."""
        self.accepted("shelve")
        self.goes(*SHELVE[:2])
        self.assertEqual(self.cloud.nova("DELETE", f"/servers/{self.server}").status, 204)
        with self.cloud.database.engine.begin() as connection:
            first, second = self.cloud.wishes(self.server)
            self.assertEqual((first.method, second.method), ("DELETE", "DELETE"))
            self.tell(connection, first, SHELVE[2], "success")
        self.assertEqual(self.cloud.nova("GET", f"/servers/{self.server}").status, 404)
        self.assertEqual(self.cloud.used(), {})

    def test_where_to(self) -> None:
        """What each microversion takes; a host is for administrators to choose."""
        self.shelved()
        for value, version, user, status in (
            ({}, "2.77", "alice", 400),
            ({"availability_zone": "none"}, "2.77", "alice", 400),
            ({"availability_zone": None}, "2.77", "alice", 400),
            ({"host": "h"}, "2.90", ADMIN, 400),
            ({"host": "h"}, "2.91", "alice", 403),
            ({"host": "h"}, "2.91", ADMIN, 400),
            ({"availability_zone": "nova"}, "2.77", "alice", 202),
        ):
            answer = self.act("unshelve", value, user, version)
            self.assertEqual(answer.status, status, (value, version, answer.body))

    def test_offloaded_already(self) -> None:
        """As with Nova's default there is nothing left to take away."""
        self.shelved()
        self.conflict(
            f"Cannot 'shelveOffload' instance {self.server} while it is in vm_state "
            "shelved_offloaded",
            "shelveOffload",
            user=ADMIN,
        )
