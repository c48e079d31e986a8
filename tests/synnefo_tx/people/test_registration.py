"""
Signing up: registrations, links, and what is told to whom.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, func, select

from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.people.rows.link_tables import links
from synnefo_tx.people.rows.tables import people
from synnefo_tx.people.settings import DAY_S, SignUp
from tests.synnefo_tx.identity.cloud import SECRETS
from tests.synnefo_tx.people.people_cloud import BASE, EVE, PeopleCase

NOT_YET = "The account is not accepted yet."
UNVERIFIED = "The e-mail address is not verified."
DENIED = "The request you have made requires authentication."


class RegistrationTests(PeopleCase):
    def count(self, table) -> int:  # type: ignore[no-untyped-def]
        with self.cloud.database.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(table))

    def test_a_letter_with_a_link(self) -> None:
        """To the address, by the cloud's own name, whatever the Host header says."""
        letter = self.registered()
        self.assertEqual((letter.template, letter.to), ("verify", EVE["email"]))
        self.assertTrue(letter.values["url"].startswith(f"{BASE}/account/v1.0/people/verify?"))
        self.assertEqual(letter.values["name"], "eve")

    def test_nobody_logs_in_before_the_link_is_used(self) -> None:
        """The right password is told why, a wrong one nothing."""
        self.registered()
        self.assertEqual(self.log_in(), (401, UNVERIFIED))
        self.assertEqual(self.log_in(password="guess"), (401, DENIED))

    def test_the_link_verifies_the_address(self) -> None:
        letter = self.registered()
        told = self.done(200, "POST", "/verify", {"link": letter.link})
        self.assertEqual(told, {"name": "eve", "state": "pending"})
        self.assertEqual(self.log_in(), (401, NOT_YET))

    def test_a_link_is_good_once(self) -> None:
        letter = self.registered()
        self.done(200, "POST", "/verify", {"link": letter.link})
        again = self.refused(404, "POST", "/verify", {"link": letter.link})
        self.assertIn("used already", again)

    def test_a_link_ends(self) -> None:
        letter = self.registered()
        self.cloud.now += 3 * DAY_S
        self.refused(404, "POST", "/verify", {"link": letter.link})

    def test_wrong_links_are_slowed_down(self) -> None:
        codes = [self.ask("POST", "/verify", {"link": "a.b"}).code for _ in range(4)]
        self.assertEqual(codes, [404, 404, 404, 429])

    def test_wrong_links_slow_down_no_others(self) -> None:
        letter = self.registered()
        for number in range(20):
            self.refused(404, "POST", "/verify", {"link": f"a{number}.b"})
        self.done(200, "POST", "/verify", {"link": letter.link})

    def test_what_is_wrong_is_named(self) -> None:
        for fields, named in (
            ({"name": ""}, "name"),
            ({"name": " eve"}, "name"),
            ({"name": "e\nve"}, "name"),
            ({"name": "e\0ve"}, "name"),
            ({"name": "x" * 256}, "name"),
            ({"name": 7}, "name"),
            ({"email": "eve"}, "email"),
            ({"email": "eve@example.org\nBcc: all@example.org"}, "email"),
            ({"email": "eve@example.org,bob@example.org"}, "email"),
            ({"email": "<eve@example.org>"}, "email"),
            ({"email": f"{'x' * 65}@example.org"}, "email"),
            ({"email": None}, "email"),
            ({"password": ""}, "password"),
            ({"terms": "1"}, "terms"),
            ({"terms": True}, "terms"),
            ({"enabled": True}, "enabled"),
            ({"domain_id": "other"}, "domain_id"),
        ):
            answer = self.done(400, "POST", body=EVE | fields)
            fault = answer["badRequest"]
            self.assertEqual(fault["data"], {"field": named}, fields)
            self.assertTrue(fault["message"].startswith(named), fault)
        self.assertEqual(self.letters(), [])

    def test_bodies_that_are_none(self) -> None:
        for body in (b"", b"[]", b"7", b"{", b"\xff", b'"eve"'):
            self.refused(400, "POST", body=body)

    def test_an_address_has_no_case(self) -> None:
        self.verified()
        self.assertEqual(
            self.registered(name="other", email="EVE@Example.ORG").template, "address-known"
        )

    def test_another_link(self) -> None:
        """The one before is worth nothing then."""
        first = self.registered()
        self.done(202, "POST", "/verify/again", {"email": EVE["email"]})
        second = self.letters()[-1]
        self.assertEqual((second.template, second.to), ("verify", EVE["email"]))
        self.refused(404, "POST", "/verify", {"link": first.link})
        self.done(200, "POST", "/verify", {"link": second.link})

    def test_another_link_lets_the_registration_live(self) -> None:
        self.registered()
        self.cloud.now += 2 * DAY_S
        self.done(202, "POST", "/verify/again", {"email": EVE["email"]})
        self.cloud.now += 2 * DAY_S
        self.registered(name="other", email="other@example.org")
        self.done(200, "POST", "/verify", {"link": self.letters("verify")[1].link})

    def test_who_does_not_verify_is_forgotten(self) -> None:
        """The name is free then."""
        before = [self.count(table) for table in (users, people, links)]
        self.registered()
        self.cloud.now += 3 * DAY_S
        self.assertEqual(self.registered(email="eve@elsewhere.org").template, "verify")
        after = [self.count(table) for table in (users, people, links)]
        self.assertEqual([many - 1 for many in after], before)
        self.assertEqual(len(self.audit("account:forget_registration")), 1)

    def test_whom_an_administrator_has_enabled_is_not_forgotten(self) -> None:
        """There may be more to that user by now; a verified address is asked for all the same."""
        self.registered()
        admin = self.cloud.token("admin")
        [user] = self.cloud.ask("GET", "/v3/users?name=eve", admin).json["users"]
        self.cloud.ask("PATCH", f"/v3/users/{user['id']}", admin, {"user": {"enabled": True}})
        self.cloud.now += 3 * DAY_S
        self.registered(name="other", email="other@example.org")
        self.assertEqual(self.log_in(), (401, UNVERIFIED))

    def test_audit(self) -> None:
        """Who signed up, and no secret."""
        user_id = self.verified()
        [(target, details)] = self.audit("account:register")
        self.assertEqual((target, details), (user_id, {"outcome": "made"}))
        self.assertEqual(self.audit("account:verify_address"), [(user_id, {"state": "pending"})])


class SecretiveTests(PeopleCase):
    """Whoever does not read the mailbox learns of no account."""

    def test_answers_are_alike(self) -> None:
        """New ones, known addresses, taken names."""
        self.verified()
        answers = {
            (answer.code, answer.body)
            for fields in (
                {"name": "x", "email": "x@example.org"},
                {"name": "y"},
                {"email": "z@example.org"},
            )
            for answer in [self.ask("POST", body=EVE | fields)]
        }
        self.assertEqual(len(answers), 1, answers)

    def test_the_owner_of_a_known_address_is_told(self) -> None:
        """And no account is made."""
        self.verified()
        letter = self.registered(name="mallory", password="mine")
        self.assertEqual((letter.template, letter.to), ("address-known", EVE["email"]))
        self.assertNotIn("link", letter.values["url"])
        self.assertEqual(self.log_in("mallory", "mine"), (401, DENIED))

    def test_a_taken_name_is_told_by_mail_alone(self) -> None:
        letter = self.registered(name="alice", password="mine")
        self.assertEqual((letter.template, letter.to), ("name-taken", EVE["email"]))
        self.assertEqual(self.log_in("alice", "mine"), (401, DENIED))
        self.assertEqual(self.log_in("alice", SECRETS["alice"])[0], 201)

    def test_names_do_not_tell_of_addresses(self) -> None:
        """A name that was refused for its address stays free, and nobody sees the difference."""
        self.verified()
        self.registered(name="probe")
        self.assertEqual(self.registered(name="probe", email="p@a.org").template, "verify")
        self.assertEqual(self.registered(name="probe", email="q@a.org").template, "name-taken")

    def test_another_link_for_nobody(self) -> None:
        """The same answer, and no letter."""
        self.verified()
        before = len(self.letters())
        for email in (EVE["email"], "nobody@example.org"):
            answer = self.ask("POST", "/verify/again", {"email": email})
            self.assertEqual(answer.code, 202)
        self.assertEqual(len(self.letters()), before)

    def test_an_address_is_the_first_s_who_verifies_it(self) -> None:
        """Several may say that it is theirs."""
        first = self.registered(name="mallory")
        second = self.registered()
        self.done(200, "POST", "/verify", {"link": second.link})
        self.refused(409, "POST", "/verify", {"link": first.link})
        self.assertEqual(self.log_in("mallory"), (401, UNVERIFIED))

    def test_letters_are_slowed_down(self) -> None:
        """For one mailbox, by both calls together."""
        codes = [self.ask("POST", body=EVE | {"name": f"n{n}"}).code for n in range(2)]
        codes += [self.ask("POST", "/verify/again", {"email": EVE["email"]}).code for _ in "12"]
        self.assertEqual(codes, [202, 202, 202, 429])
        answer = self.ask("POST", body=EVE)
        self.assertEqual(answer.code, 429)
        self.assertIn("Asked too often", answer.body.decode())
        self.assertEqual(answer.header("Retry-After"), "1")
        self.assertEqual(self.log_in("alice", SECRETS["alice"])[0], 201)  # log-ins are not

    def test_letters_to_many_mailboxes_are_slowed_down(self) -> None:
        """From one address."""
        bodies = [{"email": f"n{number}@example.org"} for number in range(51)]
        codes = [self.ask("POST", "/verify/again", body).code for body in bodies]
        self.assertEqual(codes, [202] * 50 + [429])

    def statements(self, *asked: Any) -> int:
        """How many the database is given for a call."""
        given: list[str] = []

        def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            given.append(statement)

        engine = self.cloud.database.engine
        event.listen(engine, "before_cursor_execute", count)
        try:
            self.done(202, *asked)
        finally:
            event.remove(engine, "before_cursor_execute", count)
        return len(given)

    def test_the_work_is_the_same(self) -> None:
        """Whoever has the address; and nothing is left of it."""
        self.verified()
        new = self.statements("POST", "", EVE | {"name": "new", "email": "new@example.org"})
        with self.cloud.database.engine.connect() as connection:
            before = connection.execute(select(users)).all()
        self.assertEqual(self.statements("POST", "", EVE | {"name": "mallory"}), new)
        with self.cloud.database.engine.connect() as connection:
            self.assertEqual(connection.execute(select(users)).all(), before)

    def test_the_work_for_another_link_is_the_same(self) -> None:
        self.registered()
        asked = [{"email": email} for email in (EVE["email"], "nobody@example.org")]
        one, other = (self.statements("POST", "/verify/again", body) for body in asked)
        self.assertEqual(one, other)


class ClosedTests(PeopleCase):
    settings = SignUp()

    def test_nobody_signs_up(self) -> None:
        self.assertIn("no registrations", self.refused(403, "POST", body=EVE))


class PolicyTests(PeopleCase):
    policy = SecurityCompliance(
        password_regex="^.{20,}$",
        password_regex_description="twenty characters",
        password_expires_days=1,
    )

    def test_weak_passwords_are_refused(self) -> None:
        answer = self.done(400, "POST", body=EVE | {"password": "short"})
        self.assertEqual(answer["badRequest"]["data"], {"field": "password"})
        self.assertIn("twenty characters", answer["badRequest"]["message"])

    def test_passwords_end(self) -> None:
        self.registered(password="long enough to be one")
        admin = self.cloud.token("admin")
        [user] = self.cloud.ask("GET", "/v3/users?name=eve", admin).json["users"]
        self.assertTrue(user["password_expires_at"])
        self.assertFalse(user["enabled"])
