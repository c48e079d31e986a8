"""
Passwords that were forgotten.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, select

from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.people.mail.templates import Templates
from synnefo_tx.people.rows.link_tables import links
from synnefo_tx.people.settings import SignUp
from tests.synnefo_tx.identity.cloud import SECRETS
from tests.synnefo_tx.people.people_cloud import EVE, Letter, PeopleCase

NEW = "a new one, better"
PATH = "/password/reset"


class ResetCase(PeopleCase):
    settings = SignUp(open=True, moderated=False)

    def setUp(self) -> None:
        super().setUp()
        self.user_id = self.verified()
        self.cloud.now += 1000  # the throttle has forgotten registrations

    def forgotten(self, **body: str) -> list[Letter]:
        """The letters of that."""
        before = len(self.letters())
        self.done(202, "POST", "/password/forgotten", body or {"email": EVE["email"]})
        found = self.letters()[before:]
        for letter in found:
            Templates.load(None, "Synnefo").fill(letter.template, letter.values)
        return found

    def link(self) -> str:
        """Of a letter."""
        [letter] = self.forgotten()
        self.assertEqual((letter.template, letter.to), ("reset", EVE["email"]))
        return letter.link

    def reset(self, link: str, password: str = NEW, code: int = 200) -> Any:
        return self.done(code, "POST", PATH, {"link": link, "password": password})

    def set_user(self, **columns: Any) -> None:
        with self.cloud.database.engine.begin() as connection:
            known = users.update().where(users.c.id == self.user_id)
            connection.execute(known.values(**columns))


class ResetTests(ResetCase):
    def test_the_link_sets_another_password(self) -> None:
        """Asked for by address; the one before is worth nothing."""
        self.assertEqual(self.reset(self.link()), {"name": "eve"})
        self.assertEqual(self.log_in()[0], 401)
        self.assertEqual(self.log_in(password=NEW)[0], 201)

    def test_by_name(self) -> None:
        """The letter goes to the verified address."""
        [letter] = self.forgotten(name="eve")
        self.assertEqual((letter.template, letter.to), ("reset", EVE["email"]))
        [again] = self.forgotten(name="eve", domain_id="default")
        self.reset(again.link)

    def test_the_link_names_us(self) -> None:
        """Not what a Host header says."""
        [letter] = self.forgotten()
        start = "https://cloud.example.org/account/v1.0/people/password/reset?link="
        self.assertTrue(letter.values["url"].startswith(start))

    def test_a_link_is_good_once(self) -> None:
        link = self.link()
        self.reset(link)
        self.reset(link, "yet another one", 404)
        self.assertEqual(self.log_in(password=NEW)[0], 201)

    def test_other_links_end(self) -> None:
        """Those for another address, too."""
        first, second = self.link(), self.link()
        token = self.log_in()[1]
        body = {"email": "mallory@example.org", "password": EVE["password"]}
        self.done(202, "POST", "/email", body, token)
        change = self.letters("change-email")[0].link
        self.reset(first)
        self.reset(second, code=404)
        self.refused(404, "POST", "/email/confirm", {"link": change})

    def test_tokens_end(self) -> None:
        token = self.log_in()[1]
        self.assertEqual(self.cloud.ask("GET", "/v3/auth/projects", token).code, 200)
        self.reset(self.link())
        self.assertEqual(self.cloud.ask("GET", "/v3/auth/projects", token).code, 401)

    def test_a_link_ends(self) -> None:
        link = self.link()
        self.cloud.now += self.settings.reset_s
        self.reset(link, code=404)

    def test_a_link_ends_with_the_password(self) -> None:
        """That was changed by another way meanwhile."""
        link, token = self.link(), self.log_in()[1]
        body = {"user": {"original_password": EVE["password"], "password": "by myself"}}
        asked = self.cloud.ask("POST", f"/v3/users/{self.user_id}/password", token, body)
        self.assertEqual(asked.code, 204)
        self.reset(link, code=404)
        self.assertEqual(self.log_in(password="by myself")[0], 201)

    def test_a_lock_of_wrong_passwords_ends(self) -> None:
        self.set_user(failed_logins=99, failed_login_at=int(self.cloud.now))
        self.reset(self.link())
        with self.cloud.database.engine.connect() as connection:
            wanted = select(users.c.failed_logins).where(users.c.id == self.user_id)
            self.assertEqual(connection.scalar(wanted), 0)

    def test_the_owner_is_told(self) -> None:
        self.reset(self.link())
        letter = self.letters()[-1]
        self.assertEqual((letter.template, letter.to), ("password-changed", EVE["email"]))

    def test_audit(self) -> None:
        """Who, and no secret."""
        link = self.link()
        self.reset(link)
        asked = self.audit("account:forget_password")
        self.assertEqual(asked, [(self.user_id, {"outcome": "link"})])
        self.assertEqual(self.audit("account:reset_password"), [(self.user_id, {})])

    def test_worthless_links_are_slowed_down(self) -> None:
        codes = [self.ask("POST", PATH, {"link": "x", "password": NEW}).code for _ in range(4)]
        self.assertEqual(codes, [404, 404, 404, 429])

    def test_bodies(self) -> None:
        for body, field in (
            ({}, "name"),
            ({"email": "x"}, "email"),
            ({"email": EVE["email"], "name": "eve"}, "name"),
            ({"name": "eve", "domain_id": 7}, "domain_id"),
        ):
            answer = self.done(400, "POST", "/password/forgotten", body)
            self.assertEqual(answer["badRequest"]["data"], {"field": field})
        self.refused(400, "POST", "/password/forgotten", [])


class NobodyTests(ResetCase):
    """Whoever does not read the mailbox learns of no account."""

    def test_answers_are_alike(self) -> None:
        asked = (
            {"email": EVE["email"]},
            {"email": "x@example.org"},
            {"name": "x"},
            {"name": "bob"},
        )
        answers = {self.ask("POST", "/password/forgotten", body).body for body in asked}
        self.assertEqual(len(answers), 1)

    def test_the_work_is_the_same(self) -> None:
        self.assertEqual(self.statements(EVE["email"]), self.statements("x@example.org"))

    def statements(self, email: str) -> int:
        """How many the database is given."""
        given: list[str] = []

        def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            given.append(statement)

        engine = self.cloud.database.engine
        event.listen(engine, "before_cursor_execute", count)
        try:
            self.done(202, "POST", "/password/forgotten", {"email": email})
        finally:
            event.remove(engine, "before_cursor_execute", count)
        return len(given)

    def test_nothing_is_left_of_it(self) -> None:
        self.assertEqual(self.forgotten(email="x@example.org"), [])
        with self.cloud.database.engine.connect() as connection:
            self.assertEqual(connection.execute(select(links)).all(), [])

    def test_an_address_that_was_not_verified_is_no_claim(self) -> None:
        """As an administrator may have noted it of an administrator."""
        admin = self.cloud.token("admin")
        body = {"user": {"email": "admin@example.org"}}
        self.assertEqual(self.cloud.ask("PATCH", "/v3/users/u-admin", admin, body).code, 200)
        self.assertEqual(self.forgotten(email="admin@example.org"), [])
        self.assertEqual(self.forgotten(name="admin"), [])

    def test_who_is_disabled_gets_no_letter(self) -> None:
        link = self.link()
        self.set_user(enabled=False)
        self.assertEqual(self.forgotten(), [])
        self.reset(link, code=404)

    def test_who_has_no_password_is_told_so(self) -> None:
        """They log in by another provider."""
        link = self.link()
        self.set_user(password_hash=None)
        [letter] = self.forgotten()
        self.assertEqual((letter.template, "link" in letter.values["url"]), ("no-password", False))
        self.reset(link, code=404)

    def test_a_password_that_an_administrator_keeps(self) -> None:
        link = self.link()
        self.set_user(options={"lock_password": True})
        self.assertEqual([letter.template for letter in self.forgotten()], ["no-password"])
        self.reset(link, code=404)

    def test_letters_are_slowed_down(self) -> None:
        body = {"email": EVE["email"]}
        codes = [self.ask("POST", "/password/forgotten", body).code for _ in range(4)]
        self.assertEqual(codes, [202, 202, 202, 429])

    def test_another_domain(self) -> None:
        self.assertEqual(self.forgotten(name="eve", domain_id="other"), [])


class PageTests(ResetCase):
    """In a browser."""

    def test_the_page_that_letters_name_sends_a_link(self) -> None:
        """To whoever wanted an account and has one."""
        letter = self.registered(name="again")
        path = letter.values["url"].removeprefix("https://cloud.example.org/account/v1.0/people")
        page = self.ask("GET", path)
        self.assertEqual((page.code, b'name="email"' in page.body), (200, True))
        before = len(self.letters())
        answers = {
            (answer.code, answer.body)
            for email in (EVE["email"], "x@example.org")
            for answer in [self.ask("POST", path, form={"email": email})]
        }
        [(code, text)] = answers
        self.assertEqual((code, b"on its way" in text), (200, True))
        [sent] = self.letters()[before:]
        self.assertEqual((sent.template, sent.to), ("reset", EVE["email"]))

    def test_an_address_that_is_none(self) -> None:
        answer = self.ask("POST", "/password/forgotten", form={"email": "<eve>"})
        self.assertEqual((answer.code, b'name="email"' in answer.body), (400, True))

    def test_the_page_asks_and_the_form_sets(self) -> None:
        link = self.link()
        page = self.ask("GET", f"{PATH}?link={link}")
        self.assertEqual(page.code, 200)
        self.assertIn(b"<strong>eve</strong>", page.body)
        self.assertIn("default-src 'none'", page.header("Content-Security-Policy"))
        self.assertEqual(page.header("Referrer-Policy"), "no-referrer")
        done = self.ask("POST", PATH, form={"link": link, "password": NEW})
        self.assertEqual(done.code, 200)
        self.assertEqual(self.log_in(password=NEW)[0], 201)

    def test_a_worthless_link(self) -> None:
        self.assertEqual(self.ask("GET", f"{PATH}?link=x").code, 404)
        answer = self.ask("POST", PATH, form={"link": "<b>", "password": NEW})
        self.assertEqual((answer.code, b"<b>" in answer.body), (404, False))

    def test_a_password_that_is_none_is_asked_for_again(self) -> None:
        link = self.link()
        answer = self.ask("POST", PATH, form={"link": link, "password": ""})
        self.assertEqual(answer.code, 400)
        self.assertIn(link.encode(), answer.body)
        self.assertEqual(self.log_in()[0], 201)


class PolicyTests(ResetCase):
    policy = SecurityCompliance(
        password_regex="^.{12,}$",
        password_regex_description="twelve characters",
        unique_last_password_count=2,
        minimum_password_age=1,
    )

    def test_weak_and_used_ones_are_refused(self) -> None:
        """And the link stays good."""
        link = self.link()
        for password, why in (("short", "twelve"), (EVE["password"], "before")):
            answer = self.reset(link, password, 400)["badRequest"]
            self.assertEqual(answer["data"], {"field": "password"})
            self.assertIn(why, answer["message"])
        self.reset(link)

    def test_the_one_before_is_remembered(self) -> None:
        self.reset(self.link())
        self.reset(self.link(), EVE["password"], 400)

    def test_others_are_as_they_were(self) -> None:
        self.reset(self.link())
        self.assertEqual(self.log_in("alice", SECRETS["alice"])[0], 201)
