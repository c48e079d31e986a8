"""
/flavors.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BASE, Cloud


class FlavorTests(SynchronousTestCase):
    """
    Three public ones, "0", "1" and "2", and a private one, "9".
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def _ids(self, query: str = "", user: str = ALICE) -> list[str]:
        answer = self.cloud.nova("GET", f"/flavors?{query}", user=user)
        self.assertEqual(answer.status, 200, answer.body)
        return [flavor["id"] for flavor in answer.json["flavors"]]

    def test_show(self) -> None:
        """Every field, and what microversions add."""
        shown = {
            "id": "1",
            "name": "tiny",
            "ram": 128,
            "disk": 1,
            "swap": "",
            "OS-FLV-EXT-DATA:ephemeral": 0,
            "OS-FLV-DISABLED:disabled": False,
            "vcpus": 1,
            "os-flavor-access:is_public": True,
            "rxtx_factor": 1.0,
            "links": [
                {"rel": "self", "href": f"{BASE}/v2.1/flavors/1"},
                {"rel": "bookmark", "href": f"{BASE}/flavors/1"},
            ],
        }
        self.assertEqual(self.cloud.nova("GET", "/flavors/1").json, {"flavor": shown})
        self.assertEqual(
            self.cloud.nova("GET", "/flavors/1", version="2.61").json["flavor"],
            {**shown, "description": None, "extra_specs": {}},
        )
        later = self.cloud.nova("GET", "/flavors/1", version="2.75").json["flavor"]
        self.assertEqual(later["swap"], 0)

    def test_lists(self) -> None:
        """Order, filters, and who sees the private one."""
        for query, ids in (
            ("", ["0", "1", "2"]),
            ("sort_key=memory_mb&sort_dir=desc", ["2", "1", "0"]),
            ("minRam=100", ["1", "2"]),
            ("minDisk=4", ["2"]),
            ("limit=1", ["0"]),
            ("limit=1&marker=0", ["1"]),
            ("limit=0", []),
            ("is_public=none", ["0", "1", "2"]),
            ("sort_key=swap&sort_dir=desc", ["0", "1", "2"]),
        ):
            self.assertEqual(self._ids(query), ids, query)
        self.assertEqual(self._ids("is_public=None", ADMIN), ["0", "1", "2", "9"])
        self.assertEqual(self._ids("is_public=false", ADMIN), ["9"])

    def test_next_links(self) -> None:
        """Each list links to its own next page."""
        for path in ("flavors", "flavors/detail"):
            self.assertEqual(
                self.cloud.nova("GET", f"/{path}?limit=1").json["flavors_links"],
                [{"rel": "next", "href": f"{BASE}/v2.1/{path}?limit=1&marker=0"}],
            )

    def test_refusals(self) -> None:
        """Unknown flavors, and queries that won't do."""
        where = "Invalid input for query parameters"
        for path, status, text in (
            ("/flavors/nope", 404, "Flavor nope could not be found."),
            ("/flavors/9", 404, "Flavor 9 could not be found."),
            ("/flavors?marker=nope", 400, "marker [nope] not found"),
            ("/flavors?minRam=x", 400, "Invalid minRam filter [x]"),
            ("/flavors?limit=x", 400, f"{where} limit. Value: x. 'x' does not match '^[0-9]*$'"),
            (
                "/flavors?sort_dir=up",
                400,
                f"{where} sort_dir. Value: up. 'up' is not one of ['asc', 'desc']",
            ),
        ):
            answer = self.cloud.nova("GET", path)
            (fault,) = answer.json.values()
            self.assertEqual((answer.status, fault["message"]), (status, text))

    def test_made_and_deleted(self) -> None:
        """By administrators only; a name and an id are used once."""

        def create(user: str = ADMIN, **fields: Any) -> Any:
            body = {"name": "n", "ram": 1, "vcpus": 1, "disk": 0, **fields}
            return self.cloud.nova("POST", "/flavors", {"flavor": body}, user=user)

        self.assertEqual(create(ALICE).status, 403)
        made = create(id="77", **{"os-flavor-access:is_public": False}).json["flavor"]
        self.assertEqual((made["id"], made["os-flavor-access:is_public"]), ("77", False))
        self.assertEqual(
            create().json["conflictingRequest"]["message"], "Flavor with name n already exists."
        )
        self.assertEqual(
            create(name="m", id="77").json["conflictingRequest"]["message"],
            "Flavor with ID 77 already exists.",
        )
        self.assertEqual(
            create(ram=0).json["badRequest"]["message"],
            "Invalid input for field/attribute ram. Value: 0. 0 is less than the minimum of 1",
        )
        self.assertEqual(create(name="m", id="a/b").status, 400)
        self.assertEqual(self.cloud.nova("DELETE", "/flavors/77", user=ALICE).status, 403)
        self.assertEqual(self.cloud.nova("DELETE", "/flavors/77", user=ADMIN).status, 202)
        self.assertEqual(self.cloud.nova("DELETE", "/flavors/77", user=ADMIN).status, 404)
