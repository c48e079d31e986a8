"""
GET /servers and /servers/detail: filters, order and pages.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BASE, BOB, Cloud


class ListTests(SynchronousTestCase):
    """
    Five servers of ALICE, made a second apart, and one of BOB.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.ids = []
        for number in range(5):
            self.cloud.now += 1
            self.ids.append(self.cloud.active(name=f"web-{number}"))
        self.bobs = self.cloud.active(user=BOB, name="bobs")

    def _names(self, query: str, user: str = ALICE, version: str | None = None) -> list[str]:
        answer = self.cloud.nova("GET", f"/servers?{query}", user=user, version=version)
        self.assertEqual(answer.status, 200, answer.body)
        return [server["name"] for server in answer.json["servers"]]

    def _refusal(self, query: str, user: str = ALICE, version: str | None = None) -> Any:
        answer = self.cloud.nova("GET", f"/servers/detail?{query}", user=user, version=version)
        (fault,) = answer.json.values()
        self.assertEqual(fault["code"], answer.status)
        return answer.status, fault["message"]

    def test_own_ones_newest_first(self) -> None:
        """The project's servers and nobody else's, with name, id and links."""
        answer = self.cloud.nova("GET", "/servers").json
        self.assertEqual([server["id"] for server in answer["servers"]], self.ids[::-1])
        self.assertEqual(set(answer["servers"][0]), {"id", "name", "links"})
        self.assertNotIn("servers_links", answer)

    def test_pages(self) -> None:
        """Following "next" meets each server once, and the last page has no next."""
        for start in ("/servers?limit=2", "/servers/detail?limit=2&sort_key=display_name"):
            met, path = [], f"/compute/v2.1{start}"
            while path:
                body = self.cloud.call("GET", path).json
                met += [server["id"] for server in body["servers"]]
                (following,) = body.get("servers_links", [{"href": ""}])
                if following["href"]:
                    self.assertTrue(following["href"].startswith(f"{BASE}/v2.1/servers"))
                    parts = urlsplit(following["href"])
                    path = f"{parts.path}?{parts.query}"
                else:
                    path = ""
            self.assertEqual(met, self.ids[::-1])

    def test_next_link(self) -> None:
        """As Nova writes it."""
        self.assertEqual(
            self.cloud.nova("GET", "/servers?limit=1").json["servers_links"],
            [{"rel": "next", "href": f"{BASE}/v2.1/servers?limit=1&marker={self.ids[4]}"}],
        )

    def test_order(self) -> None:
        """By any of Nova's keys; ties are kept apart by the id."""
        self.assertEqual(
            self._names("sort_key=display_name&sort_dir=asc"), [f"web-{n}" for n in range(5)]
        )
        by_state = self._names("sort_key=vm_state&sort_key=created_at&sort_dir=asc&sort_dir=desc")
        self.assertEqual(by_state, [f"web-{n}" for n in range(4, -1, -1)])
        self.assertEqual(len(self._names("sort_key=launched_at&limit=3")), 3)

    def test_filters(self) -> None:
        """Name patterns, status, flavor, image, address, each alone and together."""
        self.cloud.believe(self.ids[0], vm_state="stopped")
        self.cloud.believe(self.ids[1], task_state="rebooting")
        for query, names in (
            ("name=web-1", ["web-1"]),
            ("name=WEB-1", ["web-1"]),
            ("name=eb", ["web-4", "web-3", "web-2", "web-1", "web-0"]),
            ("name=%5Eweb-%5B23%5D%24", ["web-3", "web-2"]),
            ("name=%25", []),
            ("status=SHUTOFF", ["web-0"]),
            ("status=shutoff", ["web-0"]),
            ("status=REBOOT", ["web-1"]),
            ("status=ACTIVE", ["web-4", "web-3", "web-2"]),
            ("status=ACTIVE&status=SHUTOFF", ["web-4", "web-3", "web-2", "web-0"]),
            ("status=PAUSED", []),
            ("status=nonsense", []),
            ("flavor=2", []),
            ("flavor=1&name=web-4", ["web-4"]),
            ("image=nope", []),
            ("ip=10.0.0.3", ["web-1"]),
            ("ip=%5E10%5C.0%5C.0%5C.%5B23%5D%24", ["web-1", "web-0"]),
            ("changes-since=2025-11-23T01:29:57Z", ["web-4", "web-3"]),
            ("vm_state=stopped", ["web-4", "web-3", "web-2", "web-1", "web-0"]),
            ("limit=0", []),
        ):
            self.assertEqual(self._names(query), names, query)
        self.assertEqual(self._names("vm_state=stopped", version="2.83"), ["web-0"])
        self.assertEqual(
            self._names("changes-before=2025-11-23T01:29:54Z", version="2.66"), ["web-0"]
        )

    def test_tags(self) -> None:
        """All, any, not all and not any; in their case."""
        for server_id, tags in (
            (self.ids[0], ["red"]),
            (self.ids[1], ["red", 'a "b']),
            (self.ids[2], ["Red", "redder"]),
        ):
            self.cloud.believe(server_id, tags=tags)
        for query, names in (
            ("tags=red", ["web-1", "web-0"]),
            ("tags=red,a+%22b", ["web-1"]),
            ("tags-any=Red,a+%22b", ["web-2", "web-1"]),
            ("not-tags=red,a+%22b", ["web-4", "web-3", "web-2", "web-0"]),
            ("not-tags-any=red,redder", ["web-4", "web-3"]),
        ):
            self.assertEqual(self._names(query, version="2.26"), names, query)

    def test_all_tenants(self) -> None:
        """For administrators; the others are refused."""
        self.assertEqual(len(self._names("all_tenants=1", ADMIN)), 6)
        self.assertEqual(self._names("all_tenants=1&project_id=project-bob", ADMIN), ["bobs"])
        self.assertEqual(self._names("", ADMIN), [])
        self.assertEqual(
            self._refusal("all_tenants=1"),
            (
                403,
                (
                    "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be "
                    "performed."
                ),
            ),
        )
        # A member can't reach another project by naming it.
        self.assertEqual(len(self._names("project_id=project-bob&tenant_id=project-bob")), 5)

    def test_wrong_queries(self) -> None:
        """Refused in Nova's words."""
        where = "Invalid input for query parameters"
        for query, status, text in (
            ("limit=-1", 400, f"{where} limit. Value: -1. '-1' does not match '^[0-9]*$'"),
            ("limit=abc", 400, f"{where} limit. Value: abc. 'abc' does not match '^[0-9]*$'"),
            ("marker=nope", 400, "marker [nope] not found"),
            (f"marker={self.bobs}", 400, f"marker [{self.bobs}] not found"),
            ("name=(", 400, f"{where} name. Value: (. '(' is not a 'regex'"),
            (
                "name=(a%2B)%2B%24",
                400,
                f"{where} name. Value: (a+)+$. '(a+)+$' is too complex",
            ),
            (
                "changes-since=yesterday",
                400,
                f"{where} changes-since. Value: yesterday. 'yesterday' is not a 'date-time'",
            ),
            ("status=deleted", 403, "Only administrators may list deleted instances"),
        ):
            self.assertEqual(self._refusal(query), (status, text), query)
        self.assertIn("is not one of", self._refusal("sort_key=nope")[1])
        self.assertEqual(self._refusal("status=x", version="2.38"), (400, "Invalid status value"))
        self.assertEqual(
            self._refusal("nope=1", version="2.75"),
            (400, "'nope' does not match any of the regexes: '^_'"),
        )
        self.assertEqual(len(self._names("nope=1")), 5)

    def test_huge_limits(self) -> None:
        """Are cut, not believed."""
        self.assertEqual(len(self._names("limit=99999999999999999999999999")), 5)

    def test_detail_equals_show(self) -> None:
        """The same view in a list as alone, but for what Nova leaves out of lists."""
        (listed,) = self.cloud.nova("GET", "/servers/detail?name=web-3", version="2.96").json[
            "servers"
        ]
        shown = self.cloud.nova("GET", f"/servers/{self.ids[3]}", version="2.96").json["server"]
        self.assertEqual({**listed, "server_groups": []}, shown)
