"""
The audit log as administrators read it, and the log-ins in it.
"""

from __future__ import annotations

import json
from typing import Any

from tests.synnefo_tx.identity.asking import AskingCase
from tests.synnefo_tx.identity.cloud import SECRETS, START

PATH = "/OS-SYNNEFO-AUDIT/events"


class EventCase(AskingCase):
    def events(self, query: str = "") -> list[dict[str, Any]]:
        answer = self.ask("GET", PATH + query)
        self.assertEqual(answer.code, 200, answer.body)
        found: list[dict[str, Any]] = answer.json["events"]
        return found


class ListTests(EventCase):
    def test_a_change_is_told_whole(self) -> None:
        self.cloud.now = START + 0.25
        group = self.make("group", name="crew")
        event = self.events()[0]
        self.assertTrue(event.pop("id").isdecimal())
        self.assertTrue(event.pop("request_id").startswith("req-"))
        self.assertEqual(event.pop("address"), "127.0.0.1")
        self.assertEqual(
            event,
            {
                "at": "2027-01-15T08:00:00.250000Z",
                "action": "identity:create_group",
                "outcome": "success",
                "user_id": "u-admin",
                "project_id": "p1",
                "target": {"type": "group", "id": group["id"]},
                "details": {"name": "crew"},
            },
        )

    def test_pages_give_each_line_once_newest_first(self) -> None:
        """Also of lines of the same moment."""
        for number in range(5):
            self.make("group", name=f"g{number}")
            self.cloud.now += number % 2
        whole = self.events()
        found: list[Any] = []
        path = f"{PATH}?limit=3"
        while path:
            answer = self.ask("GET", path).json
            found += answer["events"]
            self.assertLessEqual(len(answer["events"]), 3)
            path = (answer["links"]["next"] or "").partition("/v3")[2]
        self.assertEqual(found, whole)
        names = [event["details"]["name"] for event in whole if "group" in event["action"]]
        self.assertEqual(names, ["g4", "g3", "g2", "g1", "g0"])

    def test_filters(self) -> None:
        first = self.make("group", name="a")
        self.cloud.now += 10
        self.make("role", name="b")
        for query, count in (
            ("user=u-admin&action=identity:create_group", 1),
            ("user=u-bob&action=identity:create_group", 0),
            (f"target={first['id']}", 1),
            ("target_type=role", 1),
            ("since=2027-01-15T08:00:10Z&until=2027-01-15T08:00:11Z", 1),
            ("since=2027-01-15T09:00:10%2B01:00", 1),
            ("until=2027-01-15T08:00:10&target_type=group", 1),
            ("outcome=failure", 0),
            ("address=192.0.2.1", 0),
        ):
            self.assertEqual(len(self.events(f"?{query}")), count, query)

    def test_queries_that_make_no_sense_name_the_word(self) -> None:
        for query, word in (
            ("limit=0", "limit"),
            ("limit=-1", "limit"),
            ("marker=x", "marker"),
            ("marker=" + "9" * 30, "marker"),
            ("since=yesterday", "since"),
            ("colour=blue", "colour"),
        ):
            answer = self.ask("GET", f"{PATH}?{query}")
            self.told(answer, 400, word)
        self.told(self.ask("GET", f"{PATH}?marker=999999"), 404, "999999")

    def test_only_administrators_read_it(self) -> None:
        for token in (self.alice, self.bob):
            self.told(self.ask("GET", PATH, token=token), 403)
        self.assertEqual(self.cloud.ask("GET", f"/v3{PATH}").code, 401)


class LoginTests(EventCase):
    def test_a_log_in_tells_who_how_and_from_where(self) -> None:
        self.cloud.token("alice", {"project": {"id": "p1"}})
        event = self.events("?action=identity:authenticate")[0]
        self.assertEqual(
            (event["outcome"], event["user_id"], event["project_id"], event["target"]["id"]),
            ("success", "u-alice", "p1", "u-alice"),
        )
        self.assertEqual(event["details"], {"methods": ["password"], "scope": "project"})
        self.assertEqual(event["address"], "127.0.0.1")
        self.assertTrue(event["request_id"].startswith("req-"))

    def test_a_wrong_password_tells_whom_it_was_tried_for(self) -> None:
        self.assertEqual(self.cloud.login("alice", password="wrong").code, 401)
        event = self.events("?outcome=failure")[0]
        self.assertEqual(event["target"], {"type": "user", "id": "u-alice"})
        self.assertIsNone(event["user_id"])
        self.assertEqual(event["details"]["methods"], ["password"])

    def test_by_id_by_token_and_of_nobody(self) -> None:
        by_id = {"user": {"id": "u-bob", "password": "wrong"}}
        nobody = {"user": {"name": "hunter2", "domain": {"name": "Default"}, "password": "x"}}
        self.cloud.authenticate(password=by_id)
        self.cloud.authenticate(password=nobody)
        self.cloud.authenticate(token={"id": self.alice}, scope={"project": {"id": "p2"}})
        self.cloud.authenticate(hunter3={"id": "hunter4"})
        told = [event["target"]["id"] for event in self.events("?outcome=failure")]
        self.assertEqual(told, ["", "u-alice", "", "u-bob"])

    def test_no_secret_is_written_down(self) -> None:
        """Nor a name that nobody has: it may be a password in the wrong field."""
        self.test_by_id_by_token_and_of_nobody()
        self.ask("PATCH", "/users/u-bob", {"user": {"password": "brand new secret"}})
        text = json.dumps(self.events())
        for secret in (*SECRETS.values(), "wrong", "hunter", "brand new", self.alice, self.admin):
            self.assertNotIn(secret, text)

    def test_bodies_of_any_shape_are_refused_as_ever(self) -> None:
        """The log neither fails on them nor lets them in."""
        auths: tuple[dict[str, Any], ...] = (
            {"identity": {"methods": ["password"], "password": {"user": {"id": "\0"}}}},
            {"identity": {"methods": ["token"], "token": {"id": "x\0"}}},
            {"identity": {"methods": ["other", 7], "other": []}},
            {"identity": {"methods": []}},
        )
        for auth in auths:
            answer = self.cloud.ask("POST", "/v3/auth/tokens", body={"auth": auth})
            self.assertIn(answer.code, (400, 401, 404), auth)

    def test_a_log_out_is_told(self) -> None:
        answer = self.cloud.ask(
            "DELETE", "/v3/auth/tokens", self.bob, headers={"X-Subject-Token": self.bob}
        )
        self.assertEqual(answer.code, 204)
        event = self.events("?action=identity:revoke_token")[0]
        self.assertEqual((event["user_id"], event["target"]["type"]), ("u-bob", "token"))
