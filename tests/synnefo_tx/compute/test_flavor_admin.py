"""
Flavors as administrators change them: extra specs, access, descriptions, further disks.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.audit.rows.tables import audit_log
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BOB, Answer, Cloud, asked, project_of

SPECS, ACCESS = "/flavors/1/os-extra_specs", "/flavors/9/os-flavor-access"


class FlavorAdminCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def admin(self, method: str, path: str, body: Any = None, version: str | None = None) -> Answer:
        return self.cloud.nova(method, path, body, ADMIN, version)

    def refused(self, answer: Answer, status: int, text: str) -> None:
        (fault,) = answer.json.values()
        self.assertEqual((answer.status, fault["message"]), (status, text))

    def logged(self) -> list[tuple[str, str]]:
        with self.cloud.database.engine.connect() as connection:
            columns = (audit_log.c.action, audit_log.c.target_id)
            found = connection.execute(select(*columns).order_by(audit_log.c.id))
            return [(action.removeprefix("os_compute_api:"), one) for action, one in found]


class ExtraSpecTests(FlavorAdminCase):
    def test_life(self) -> None:
        """Set, changed, read and taken away; numbers are kept as texts; each change is told."""
        body = {"extra_specs": {"hw:numa_nodes": 1, "trait": "a"}}
        texts = {"hw:numa_nodes": "1", "trait": "a"}
        self.assertEqual(self.admin("POST", SPECS, body).json, {"extra_specs": texts})
        more = self.admin("POST", SPECS, {"extra_specs": {"b": "c"}})
        self.assertEqual(more.json, {"extra_specs": {"b": "c"}})
        changed = self.admin("PUT", f"{SPECS}/trait", {"trait": "z"})
        self.assertEqual(changed.json, {"trait": "z"})
        whole = {"hw:numa_nodes": "1", "trait": "z", "b": "c"}
        self.assertEqual(self.cloud.nova("GET", SPECS).json, {"extra_specs": whole})
        self.assertEqual(self.cloud.nova("GET", f"{SPECS}/trait").json, {"trait": "z"})
        gone = self.admin("DELETE", f"{SPECS}/trait")
        self.assertEqual((gone.status, gone.body), (200, b""))
        self.assertEqual(self.cloud.nova("GET", f"{SPECS}/trait").status, 404)
        names = [action.rpartition(":")[2] for action, _ in self.logged()]
        self.assertEqual(names, ["create", "create", "update", "delete"])

    def test_refusals(self) -> None:
        """Keys that are not there, bodies that don't fit, and who is no administrator."""
        missing = "Flavor 1 has no extra specs with key x."
        self.refused(self.cloud.nova("GET", f"{SPECS}/x"), 404, missing)
        self.refused(self.admin("DELETE", f"{SPECS}/x"), 404, missing)
        mismatch = self.admin("PUT", f"{SPECS}/x", {"y": "1"})
        self.refused(mismatch, 400, "Request body and URI mismatch")
        for body in ({"x": "1", "y": "1"}, {}, {"x": None}, {"x": "v" * 256}):
            self.assertEqual(self.admin("PUT", f"{SPECS}/x", body).status, 400, body)
        for path in ("/flavors/nope/os-extra_specs", "/flavors/nope/os-extra_specs/x"):
            self.assertEqual(self.cloud.nova("GET", path).status, 404)
        body = {"extra_specs": {"a": "b"}}
        nowhere = self.admin("POST", "/flavors/nope/os-extra_specs", body)
        self.refused(nowhere, 404, "Flavor nope could not be found.")
        self.assertEqual(self.cloud.nova("POST", SPECS, body).status, 403)
        self.assertEqual(self.logged(), [])


class AccessTests(FlavorAdminCase):
    def change(self, action: str, project: str, flavor: str = "9", version: str = "2.1") -> Answer:
        body = {action: {"tenant": project}}
        return self.admin("POST", f"/flavors/{flavor}/action", body, version)

    def seen(self, user: str) -> list[str]:
        listed = self.cloud.nova("GET", "/flavors", user=user).json["flavors"]
        return [flavor["id"] for flavor in listed]

    def test_who_is_let_in(self) -> None:
        """Sees a private flavor and makes servers of it, and nobody else does."""
        mine = project_of(ALICE)
        given = self.change("addTenantAccess", mine).json
        self.assertEqual(given, {"flavor_access": [{"flavor_id": "9", "tenant_id": mine}]})
        self.assertEqual(self.admin("GET", ACCESS).json, given)
        self.assertEqual(
            (self.seen(ALICE), self.seen(BOB)), (["0", "1", "2", "9"], ["0", "1", "2"])
        )
        self.assertEqual(self.cloud.nova("GET", "/flavors/9").status, 200)
        self.assertEqual(self.cloud.nova("GET", "/flavors/9", user=BOB).status, 404)
        self.cloud.create(flavorRef="9")
        taken = self.change("removeTenantAccess", mine)
        self.assertEqual(taken.json, {"flavor_access": []})
        self.assertEqual(self.cloud.nova("GET", "/flavors/9").status, 404)
        refused = self.cloud.nova("POST", "/servers", {"server": asked(flavorRef="9")})
        self.assertEqual(refused.status, 400)

    def test_refusals(self) -> None:
        """Twice, never, of a public flavor, for no project, in no form."""
        mine, combination = project_of(ALICE), "flavor 9 and project project-alice combination."
        self.refused(
            self.change("removeTenantAccess", mine),
            404,
            f"Flavor access not found for {combination}",
        )
        self.assertEqual(self.change("addTenantAccess", mine).status, 200)
        self.refused(
            self.change("addTenantAccess", mine),
            409,
            f"Flavor access already exists for {combination}",
        )
        self.refused(
            self.change("addTenantAccess", "nope"), 400, "Project ID nope is not a valid project."
        )
        public = self.admin("GET", "/flavors/1/os-flavor-access")
        self.refused(public, 404, "Access list not available for public flavors.")
        self.assertEqual(self.change("addTenantAccess", mine, "1").status, 200)
        self.refused(
            self.change("addTenantAccess", mine, "2", "2.7"),
            409,
            "Can not add access to a public flavor.",
        )
        self.assertEqual(self.change("addTenantAccess", mine, "nope").status, 404)
        self.refused(self.change("resize", mine), 400, "There is no such action: resize")
        self.assertEqual(self.admin("POST", "/flavors/9/action", {}).status, 400)

    def test_access_goes_with_its_flavor(self) -> None:
        """A new flavor with an old id lets nobody in."""
        self.change("addTenantAccess", project_of(ALICE))
        self.admin("DELETE", "/flavors/9")
        body = {"name": "n", "id": "9", "ram": 1, "vcpus": 1, "disk": 1}
        self.admin("POST", "/flavors", {"flavor": {**body, "os-flavor-access:is_public": False}})
        self.assertEqual(self.admin("GET", ACCESS).json, {"flavor_access": []})


class FieldTests(FlavorAdminCase):
    def test_every_field(self) -> None:
        """Sizes in texts, too; they are shown as they were asked for, and sorted by."""
        extras = {"swap": 1024, "OS-FLV-EXT-DATA:ephemeral": 20, "rxtx_factor": 2}
        body = {"name": "n", "id": 77, "ram": "64", "vcpus": 1, "disk": 10, **extras}
        made = self.admin("POST", "/flavors", {"flavor": body}).json["flavor"]
        self.assertEqual({name: made[name] for name in extras}, extras)
        self.assertEqual((made["id"], made["ram"]), ("77", 64))
        listed = self.cloud.nova("GET", "/flavors?sort_key=swap&sort_dir=desc").json["flavors"]
        self.assertEqual([flavor["id"] for flavor in listed], ["77", "0", "1", "2"])

    def test_further_disks_are_refused_to_servers(self) -> None:
        """Rather than left out without a word."""
        body = {"name": "n", "id": "77", "ram": 64, "vcpus": 1, "disk": 1, "swap": 1}
        self.admin("POST", "/flavors", {"flavor": body})
        self.refused(
            self.cloud.nova("POST", "/servers", {"server": asked(flavorRef="77")}),
            400,
            "Servers have no swap or ephemeral disks here: choose another flavor.",
        )

    def test_description(self) -> None:
        """Changed from 2.55; nothing else can be."""
        body = {"flavor": {"description": "new"}}
        self.assertEqual(self.admin("PUT", "/flavors/1", body, "2.54").status, 404)
        changed = self.admin("PUT", "/flavors/1", body, "2.55")
        self.assertEqual((changed.status, changed.json["flavor"]["description"]), (200, "new"))
        none = self.admin("PUT", "/flavors/1", {"flavor": {"description": None}}, "2.55")
        self.assertIsNone(none.json["flavor"]["description"])
        self.assertEqual(self.admin("PUT", "/flavors/1", {"flavor": {}}, "2.55").status, 400)
        self.assertEqual(self.admin("PUT", "/flavors/nope", body, "2.55").status, 404)
        self.assertEqual(self.cloud.nova("PUT", "/flavors/1", body, version="2.55").status, 403)
        self.assertEqual(self.logged(), [("os-flavor-manage:update", "1")] * 2)
