"""
Those who signed up are let in, kept out, put aside and brought back.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.people.rows.moderating import ACTIONS
from synnefo_tx.people.settings import SignUp
from tests.synnefo_tx.identity.cloud import SECRETS
from tests.synnefo_tx.identity.personas import tokens_of_all
from tests.synnefo_tx.people.people_cloud import EVE, PeopleCase

DENIED = "The request you have made requires authentication."


class ModerationCase(PeopleCase):
    def setUp(self) -> None:
        super().setUp()
        self.admin = self.cloud.token("admin")

    def act(self, user_id: str, action: str, reason: str = "", code: int = 200) -> Any:
        body = {action: {"reason": reason} if reason else {}}
        path = f"/{user_id}/action"
        return self.done(code, "POST", path, body, self.admin).get("person")

    def state(self, user_id: str) -> str:
        state: str = self.done(200, "GET", f"/{user_id}", token=self.admin)["person"]["state"]
        return state

    def keystone(self, user_id: str) -> tuple[bool, int]:
        """Whether the user is enabled, and whether there is a personal project."""
        user = self.cloud.ask("GET", f"/v3/users/{user_id}", self.admin).json["user"]
        return user["enabled"], self.cloud.ask("GET", f"/v3/projects/{user_id}", self.admin).code


class ModerationTests(ModerationCase):
    settings = SignUp(open=True, moderators=("ops@example.org",))

    def test_moderators_are_told(self) -> None:
        self.verified()
        [letter] = self.letters("person-waits")
        self.assertEqual((letter.to, letter.values["name"]), ("ops@example.org", "eve"))

    def test_before(self) -> None:
        """Keystone's user is disabled, and there is no project."""
        user_id = self.verified()
        self.assertEqual(self.keystone(user_id), (False, 404))

    def test_accepted(self) -> None:
        """Enabled, with a personal project, for which a log-in is."""
        user_id = self.verified()
        person = self.act(user_id, "accept", "known to us")
        self.assertEqual((person["state"], person["reason"]), ("accepted", "known to us"))
        self.assertEqual(self.keystone(user_id), (True, 200))
        code, token = self.log_in()
        self.assertEqual(code, 201)
        self.assertEqual(self.cloud.tokens.open(token).project_id, user_id)
        [letter] = self.letters("account-accepted")
        self.assertEqual((letter.to, letter.values["reason"]), (EVE["email"], ""))

    def test_rejected(self) -> None:
        """The reason is for the letter; who shows the password is told that it was."""
        user_id = self.verified()
        self.act(user_id, "reject", "no such student")
        self.assertEqual(self.log_in(), (401, "The account was rejected."))
        self.assertEqual(self.log_in(password="guess"), (401, DENIED))
        [letter] = self.letters("account-rejected")
        self.assertEqual((letter.to, letter.values["reason"]), (EVE["email"], "no such student"))

    def test_rejected_for_good(self) -> None:
        """Neither the address nor the name leads in again; nor does enabling in Keystone."""
        user_id = self.verified()
        self.act(user_id, "reject")
        self.assertEqual(self.registered(name="eve2").template, "address-known")
        path = f"/v3/users/{user_id}"
        self.cloud.ask("PATCH", path, self.admin, {"user": {"enabled": True}})
        self.assertEqual(self.log_in(), (401, "The account was rejected."))

    def test_accepted_after_all(self) -> None:
        user_id = self.verified()
        self.act(user_id, "reject")
        self.act(user_id, "accept")
        self.assertEqual(self.log_in()[0], 201)

    def test_deactivated_and_reactivated(self) -> None:
        """Tokens end at once; the project rests, and is the same afterwards."""
        user_id = self.verified()
        self.act(user_id, "accept")
        _, token = self.log_in()
        self.act(user_id, "deactivate", "holidays")
        self.assertEqual(self.cloud.ask("GET", "/v3/auth/projects", token).code, 401)
        self.assertEqual(self.log_in(), (401, DENIED))
        self.assertEqual(self.state(user_id), "deactivated")
        self.cloud.now += 2
        self.act(user_id, "reactivate")
        self.assertEqual(self.log_in()[0], 201)
        self.assertEqual(self.keystone(user_id), (True, 200))

    def test_what_follows_from_what(self) -> None:
        """Each action from each state: done, or refused and nothing changes."""
        allowed = {
            "unverified": set(),
            "pending": {"accept", "reject"},
            "rejected": {"accept"},
            "accepted": {"deactivate"},
            "deactivated": {"reactivate"},
        }
        ways = {"rejected": ["reject"], "accepted": ["accept"]}
        ways["deactivated"] = ["accept", "deactivate"]
        for state, actions in allowed.items():
            for action in ACTIONS:
                name = f"{state}-{action}"
                mailbox = {"name": name, "email": f"{name}@example.org"}
                self.cloud.now += 3600  # or letters are slowed down
                self.admin = self.cloud.token("admin")
                if state == "unverified":
                    self.registered(**mailbox)
                    found = self.done(200, "GET", "?state=unverified", token=self.admin)
                    user_id = next(one["id"] for one in found["people"] if one["name"] == name)
                else:
                    user_id = self.verified(**mailbox)
                for step in ways.get(state, []):
                    self.act(user_id, step)
                self.assertEqual(self.state(user_id), state)
                self.act(user_id, action, code=200 if action in actions else 409)
                same = self.state(user_id) == state
                self.assertEqual(same, action not in actions, name)

    def test_an_unknown_id(self) -> None:
        """Also one whom an administrator has made."""
        for user_id in ("nobody", "u-alice"):
            self.refused(404, "POST", f"/{user_id}/action", {"accept": {}}, self.admin)
            self.refused(404, "GET", f"/{user_id}", token=self.admin)

    def test_bodies(self) -> None:
        user_id = self.verified()
        for body in ({}, {"accept": {}, "reject": {}}, {"verify": {}}, {"accept": {"why": "x"}}, 7):
            self.refused(400, "POST", f"/{user_id}/action", body, self.admin)
        for body in ({"reject": {"reason": 7}}, {"reject": {"reason": "x" * 1001}}):
            self.refused(400, "POST", f"/{user_id}/action", body, self.admin)
        self.assertEqual(self.state(user_id), "pending")

    def test_audit(self) -> None:
        user_id = self.verified()
        self.act(user_id, "reject", "no such student")
        told = {"reason": "no such student"}
        self.assertEqual(self.audit("account:reject_person"), [(user_id, told)])

    def test_nothing_is_left_of_who_is_deleted(self) -> None:
        """The address is free again."""
        user_id = self.verified()
        self.act(user_id, "accept")
        self.cloud.ask("DELETE", f"/v3/users/{user_id}", self.admin)
        self.refused(404, "GET", f"/{user_id}", token=self.admin)
        self.assertEqual(self.registered().template, "verify")


class AcceptedAtOnceTests(ModerationCase):
    settings = SignUp(open=True, accept=(r".*@(cs\.)?example\.org", r"bob@a\.org"))

    def test_whole_addresses_are_compared(self) -> None:
        """Case is ignored; a part that matches is not enough."""
        for email, state in (
            ("eve@example.org", "accepted"),
            ("Eve2@CS.Example.org", "accepted"),
            ("bob@a.org", "accepted"),
            ("eve@example.org.evil.com", "pending"),
            ("eve@notexample.org", "pending"),
            ("xbob@a.org", "pending"),
        ):
            user_id = self.verified(name=email, email=email)
            self.assertEqual(self.state(user_id), state, email)

    def test_the_pattern_is_kept_and_not_told(self) -> None:
        user_id = self.verified()
        person = self.done(200, "GET", f"/{user_id}", token=self.admin)["person"]
        self.assertIn("cs", person["reason"])
        [letter] = self.letters("account-accepted")
        self.assertEqual(letter.values["reason"], "")
        self.assertEqual(self.log_in()[0], 201)

    def test_moderators_that_no_letter_reaches(self) -> None:
        with self.assertRaisesRegex(ValueError, "no e-mail address"):
            SignUp(moderators=("root",))

    def test_what_is_no_pattern(self) -> None:
        """Is known at the start."""
        with self.assertRaisesRegex(ValueError, "no regular expression"):
            SignUp(accept=("(",))


class UnmoderatedTests(ModerationCase):
    settings = SignUp(open=True, moderated=False)

    def test_a_verified_address_is_enough(self) -> None:
        self.verified()
        self.assertEqual(self.log_in()[0], 201)


class ListTests(ModerationCase):
    def setUp(self) -> None:
        super().setUp()
        names = [f"n{number}" for number in range(5)]
        self.ids = {name: self.verified(name=name, email=f"{name}@example.org") for name in names}
        self.act(self.ids["n0"], "accept")
        self.act(self.ids["n1"], "reject")

    def names(self, query: str) -> set[str]:
        found = self.done(200, "GET", query, token=self.admin)
        return {one["name"] for one in found["people"]}

    def test_by_state(self) -> None:
        self.assertEqual(self.names("?state=pending"), {"n2", "n3", "n4"})
        self.assertEqual(self.names("?state=accepted"), {"n0"})
        self.assertEqual(self.names("?state=rejected"), {"n1"})
        self.assertEqual(self.names("?state=deactivated"), set())
        self.assertEqual(self.names(""), set(self.ids))

    def test_pages(self) -> None:
        """Each once, in the order of ids, with the marker of the next page."""
        found: list[str] = []
        marker, pages = "", 0
        while pages < 9:
            query = f"?limit=2&marker={marker}" if marker else "?limit=2"
            answer = self.done(200, "GET", query, token=self.admin)
            found += [one["id"] for one in answer["people"]]
            pages += 1
            marker = answer.get("next_marker", "")
            if not marker:
                break
        self.assertEqual((found, pages), (sorted(self.ids.values()), 3))

    def test_wrong_queries(self) -> None:
        for query in ("?state=happy", "?limit=0", "?limit=-1", "?limit=x"):
            self.refused(400, "GET", query, token=self.admin)

    def test_what_is_shown(self) -> None:
        """Nothing secret."""
        person = self.done(200, "GET", f"/{self.ids['n0']}", token=self.admin)["person"]
        self.assertEqual(
            person,
            {
                "id": self.ids["n0"],
                "name": "n0",
                "domain_id": "default",
                "email": "n0@example.org",
                "state": "accepted",
                "registered_at": "2027-01-15T08:00:00Z",
                "verified_at": "2027-01-15T08:00:00Z",
                "moderated_at": "2027-01-15T08:00:00Z",
                "reason": "",
                "signed_terms": None,
            },
        )


class PersonaTests(ModerationCase):
    def test_administrators_alone(self) -> None:
        """Every other persona is refused everything, and nothing changes."""
        user_id = self.verified()
        tokens = tokens_of_all(self.cloud)
        admins = {name for name in tokens if name.endswith("admin")}
        self.assertTrue(admins)
        for name, token in tokens.items():
            for method, path, body in (
                ("GET", "", None),
                ("GET", f"/{user_id}", None),
                ("POST", f"/{user_id}/action", {"deactivate": {}}),
                ("POST", "/terms", {"content": 7}),
            ):
                code = self.ask(method, path, body, token).code
                self.assertEqual(code == 403, name not in admins, f"{name} {method} {path} {code}")
        for method, path in (("GET", ""), ("GET", "/x"), ("POST", "/x/action"), ("POST", "/terms")):
            self.assertEqual(self.ask(method, path).code, 401)
        self.assertEqual(self.state(user_id), "pending")
        self.assertEqual(self.log_in("alice", SECRETS["alice"])[0], 201)
