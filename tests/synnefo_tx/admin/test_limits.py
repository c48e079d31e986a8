"""
Limits that identity keeps for services.
"""

from __future__ import annotations

from tests.synnefo_tx.admin.cloud import ManageCase


class LimitTests(ManageCase):
    def setUp(self) -> None:
        super().setUp()
        self.json("service", "create", "weather", "--name", "rain")
        made = self.json("registered-limit", "create", "drops", "10", "--service", "rain")
        self.registered = made["id"]

    def test_registered_ones(self) -> None:
        [one] = self.json("registered-limit", "list", "--service", "rain")
        self.assertEqual((one["resource_name"], one["default_limit"]), ("drops", 10))
        words = ("registered-limit", "modify", self.registered, "20", "--description", "more")
        after = self.json(*words)
        self.assertEqual((after["default_limit"], after["description"]), (20, "more"))
        self.assertEqual(self.json("registered-limit", "show", self.registered), after)
        self.run_it("registered-limit", "delete", self.registered, given="n\n", status=1)
        self.run_it("registered-limit", "delete", self.registered, "--yes")
        self.run_it("registered-limit", "show", self.registered, status=3)

    def test_of_projects_and_domains(self) -> None:
        words = ("limit", "create", "drops")
        one = self.json(*words, "3", "--service", "rain", "--project", "p1")
        self.assertEqual((one["project_id"], one["resource_limit"]), ("p1", 3))
        other = self.json(*words, "7", "--service", "rain", "--domain", "Other")
        self.assertEqual((other["domain_id"], other["resource_limit"]), ("other", 7))
        [listed] = self.json("limit", "list", "--project", "p1", "--resource", "drops")
        self.assertEqual(listed["id"], one["id"])
        first = self.json("limit", "list", "--limit", "1")
        rest = self.json("limit", "list", "--marker", first[0]["id"])
        self.assertEqual({row["id"] for row in first + rest}, {one["id"], other["id"]})
        self.assertEqual(self.json("limit", "modify", one["id"], "4")["resource_limit"], 4)
        self.run_it("limit", "delete", one["id"], other["id"], "--yes")
        self.assertEqual(self.json("limit", "list"), [])

    def test_wrong_ones(self) -> None:
        for words, status in (
            (("limit", "create", "drops", "-2", "--service", "rain", "--project", "p1"), 2),
            (("limit", "create", "drops", "3", "--service", "rain"), 2),
            (("limit", "create", "drops", "3", "--service", "snow", "--project", "p1"), 3),
            (("limit", "create", "flakes", "3", "--service", "rain", "--project", "p1"), 1),
            (("limit", "modify", "nothing", "3"), 3),
        ):
            self.run_it(*words, status=status)

    def test_every_change_is_in_the_audit_log(self) -> None:
        self.run_it("registered-limit", "modify", self.registered, "20")
        actions = [line.action for line in self.lines()]
        self.assertEqual(
            actions[-2:], ["identity:create_registered_limits", "identity:update_registered_limit"]
        )
