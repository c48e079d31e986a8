"""
Rebuilding and rescuing.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from sqlalchemy import select, update

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.image.rows.tables import images
from tests.synnefo_tx.compute.actions.asking import ActionCase
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, GIB, IMAGE, add_image, some_id

OTHER = "44444444-4444-4444-8444-444444444444"
REBUILD = (
    "OP_INSTANCE_SHUTDOWN",
    "OP_INSTANCE_SET_PARAMS",
    "OP_INSTANCE_REINSTALL",
    "OP_INSTANCE_STARTUP",
)


def told_to_guest(wish: Any) -> Any:
    """The metadata in the config drive that waits to be written."""
    drive = json.loads(wish.body["osparams_private"]["config_drive"])
    return json.loads(base64.b64decode(drive["openstack/latest/meta_data.json"]))


class RebuildTests(ActionCase):
    """
    A boot disk that begins again.
    """

    def setUp(self) -> None:
        super().setUp()
        self.settle()
        with self.cloud.database.engine.begin() as connection:
            add_image(connection, OTHER)

    def rebuilt(self, version: str | None = None, **fields: Any) -> Any:
        answer = self.act("rebuild", {"imageRef": OTHER, **fields}, version=version)
        self.assertEqual(answer.status, 202, answer.body)
        self.assertIn(f"/servers/{self.server}", answer.header("Location") or "")
        return answer.json["server"]

    def test_another_image(self) -> None:
        """Its disk is a clone of that image; addresses and id stay."""
        before = self.shown()
        shown = self.rebuilt(name="new", metadata={"a": "b"}, adminPass="secret")
        self.assertEqual(
            (shown["status"], shown["image"]["id"], shown["name"], shown["adminPass"]),
            ("REBUILD", OTHER, "new", "secret"),
        )
        self.goes(REBUILD[0])
        self.assertEqual(self.wish().body, {"disks": [["modify", 0, {"origin": f"img-{OTHER}"}]]})
        self.goes(REBUILD[1])
        told = told_to_guest(self.wish())
        self.assertEqual(
            (told["name"], told["meta"], told["admin_pass"]), ("new", {"a": "b"}, "secret")
        )
        self.assertEqual(self.goes(*REBUILD[2:]), ["/reinstall", "/startup"])
        self.assertEqual(self.status(), ("ACTIVE", None))
        self.assertEqual(self.shown()["addresses"], before["addresses"])

    def test_a_stopped_one_stays_stopped(self) -> None:
        """Only its disk is made anew."""
        self.cloud.believe(self.server, vm_state="stopped", power_state=4)
        self.rebuilt()
        self.assertEqual(self.goes(*REBUILD[1:3]), ["/modify", "/reinstall"])
        self.assertEqual(self.status(), ("SHUTOFF", None))

    def test_out_of_error(self) -> None:
        """What came to nothing may come to something this way."""
        self.cloud.believe(
            self.server, vm_state="error", fault={"code": 500, "message": "x", "created": 1}
        )
        self.rebuilt()
        self.goes(REBUILD[0], "OP_INSTANCE_GROW_DISK", *REBUILD[1:])
        self.assertEqual(self.status(), ("ACTIVE", None))
        self.assertNotIn("fault", self.shown())

    def test_failure(self) -> None:
        """In error: nobody knows what is on the disk."""
        self.rebuilt()
        self.goes(*REBUILD[:2])
        self.fails(REBUILD[2])
        self.goes("OP_INSTANCE_STARTUP")  # it was running before
        self.assertEqual(self.status(), ("ERROR", None))
        self.assertEqual(self.shown()["fault"]["message"], "no room")

    def sized(self, gib: int) -> str:
        """A server whose image says how large its disk is; another image, of `gib`."""
        self.server = self.cloud.active(flavorRef="0")
        self.settle()
        larger = some_id()
        with self.cloud.database.engine.begin() as connection:
            add_image(connection, larger, virtual_size=gib * GIB)
        return larger

    def test_a_disk_that_grows_is_paid_for(self) -> None:
        """As large as the image, in the row and in the quota."""
        larger = self.sized(3)
        before = self.cloud.used()["gigabytes"]
        self.rebuilt(imageRef=larger)
        self.goes(REBUILD[0])
        self.assertEqual(self.wish().body, {"amount": 3072, "absolute": True})
        self.goes("OP_INSTANCE_GROW_DISK", *REBUILD[1:])
        self.assertEqual(self.cloud.used()["gigabytes"], before + 2)
        self.accepted("createImage", {"name": "n"})
        with self.cloud.database.engine.connect() as connection:
            wanted = select(images.c.virtual_size).where(images.c.name == "n")
            self.assertEqual(connection.execute(wanted).scalar_one(), 3 * GIB)

    def test_a_disk_that_nobody_pays_for(self) -> None:
        """Is not asked for."""
        answer = self.act("rebuild", {"imageRef": self.sized(5000)})
        self.assertEqual((answer.status, self.cloud.wishes(self.server)), (403, []))

    def test_microversions(self) -> None:
        """What each takes and tells."""
        for name, value, before, since in (
            ("description", "d", "2.18", "2.19"),
            ("key_name", None, "2.53", "2.54"),
            ("user_data", "YQ==", "2.56", "2.57"),
            ("hostname", "host", "2.89", "2.90"),
        ):
            self.assertEqual(
                self.act("rebuild", {"imageRef": OTHER, name: value}, version=before).status, 400
            )
            self.rebuilt(since, **{name: value})
            self.settle()
            self.cloud.believe(self.server, task_state=None)
        personality = [{"path": "/a", "contents": "YQ=="}]
        wanted = {"imageRef": OTHER, "personality": personality}
        self.assertEqual(self.act("rebuild", wanted, version="2.57").status, 400)
        self.rebuilt("2.56", personality=personality)
        self.settle()
        self.cloud.believe(self.server, task_state=None)
        shown = self.rebuilt("2.57", user_data=None)
        self.assertEqual((shown["key_name"], shown["user_data"]), (None, None))

    def test_told_by_2_75(self) -> None:
        """All of the server, its user data under one name."""
        wanted = {"imageRef": OTHER, "user_data": "YQ==", "accessIPv6": "0:0::babe:1"}
        shown = self.act("rebuild", wanted, ADMIN, "2.75").json["server"]
        self.assertEqual((shown["user_data"], shown["accessIPv6"]), ("YQ==", "::babe:1"))
        self.assertNotIn("OS-EXT-SRV-ATTR:user_data", shown)
        self.assertIn("OS-EXT-SRV-ATTR:hostname", shown)

    def test_refusals(self) -> None:
        """An image that is not there, one that does not fit, and no key pair."""
        large = some_id()
        with self.cloud.database.engine.begin() as connection:
            add_image(connection, large, virtual_size=2 * GIB)
        too_small = (
            f"Flavor's disk is too small for requested image. Flavor disk is {GIB} bytes, image is "
            f"{2 * GIB} bytes."
        )
        for fields, text in (
            ({"imageRef": some_id()}, "Can not find requested image"),
            ({"imageRef": large}, too_small),
            ({"imageRef": OTHER, "key_name": "none"}, "Invalid key_name provided."),
        ):
            answer = self.act("rebuild", fields, version="2.54")
            self.assertEqual(
                (answer.status, answer.json["badRequest"]["message"]), (400, text), fields
            )
        self.assertEqual(self.cloud.wishes(self.server), [])


class RescueTests(ActionCase):
    """
    Another system beside one's own disks.
    """

    def setUp(self) -> None:
        super().setUp()
        self.settle()

    def test_there_and_back(self) -> None:
        """A disk in front of its own, and away again."""
        answer = self.act("rescue", {"adminPass": "secret"})
        self.assertEqual((answer.status, answer.json), (200, {"adminPass": "secret"}))
        self.goes("OP_INSTANCE_SHUTDOWN")
        ((action, place, disk),) = self.wish().body["disks"]
        self.assertEqual(
            (action, place, disk["origin"], disk["size"]), ("add", 0, f"img-{IMAGE}", 1024)
        )
        self.assertEqual(told_to_guest(self.wish())["admin_pass"], "secret")
        self.goes("OP_INSTANCE_SET_PARAMS", "OP_INSTANCE_STARTUP")
        self.assertEqual(self.status(), ("RESCUE", None))
        self.accepted("unrescue")
        self.goes("OP_INSTANCE_SHUTDOWN")
        self.assertEqual(self.wish().body, {"disks": [["remove", disk["name"], {}]]})
        self.goes("OP_INSTANCE_SET_PARAMS", "OP_INSTANCE_STARTUP")
        self.assertEqual(self.status(), ("ACTIVE", None))
        self.assertIsNone(self.cloud.row(self.server).rescue)

    def test_a_stopped_one_has_to_be_paid_for(self) -> None:
        """It runs then: its memory and processors are charged before."""
        running = self.cloud.used()
        self.accepted("os-stop")
        self.goes("OP_INSTANCE_SHUTDOWN")
        self.assertLess(self.cloud.used().keys(), running.keys())
        self.assertEqual(self.act("rescue").status, 200)
        self.assertEqual(self.cloud.used(), running)

    def test_from_a_chosen_image(self) -> None:
        """Instead of its own."""
        with self.cloud.database.engine.begin() as connection:
            add_image(connection, OTHER)
        self.assertEqual(self.act("rescue", {"rescue_image_ref": OTHER}).status, 200)
        self.goes("OP_INSTANCE_SHUTDOWN")
        self.assertEqual(self.wish().body["disks"][0][2]["origin"], f"img-{OTHER}")

    def test_failure_takes_the_disk_away(self) -> None:
        """A guest that does not start from it has its own disk first again."""
        self.act("rescue")
        self.goes("OP_INSTANCE_SHUTDOWN", "OP_INSTANCE_SET_PARAMS")
        self.fails("OP_INSTANCE_STARTUP")
        self.assertEqual(self.wish().body["disks"][0][0], "remove")
        self.goes("OP_INSTANCE_SET_PARAMS", "OP_INSTANCE_STARTUP")
        self.assertEqual(self.status(), ("ERROR", None))

    def test_refusals(self) -> None:
        """In a state that has no rescue, and of no image."""
        self.conflict(
            f"Cannot 'unrescue' instance {self.server} while it is in vm_state active", "unrescue"
        )
        self.assertEqual(self.act("rescue", {"rescue_image_ref": some_id()}).status, 400)
        with self.cloud.database.engine.begin() as connection:
            connection.execute(update(servers).values(vm_state="paused"))
        self.conflict(
            f"Cannot 'rescue' instance {self.server} while it is in vm_state paused",
            "rescue",
            user=ALICE,
        )
