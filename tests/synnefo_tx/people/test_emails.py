"""
E-mail addresses that change.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.people.mail.templates import Templates
from synnefo_tx.people.settings import SignUp
from tests.synnefo_tx.identity.cloud import SECRETS
from tests.synnefo_tx.people.people_cloud import EVE, Letter, PeopleCase

NEW = "eve@new.example.org"


class EmailCase(PeopleCase):
    settings = SignUp(open=True, moderated=False)

    def setUp(self) -> None:
        super().setUp()
        self.user_id = self.verified()
        self.token = self.log_in()[1]
        self.cloud.now += 1000

    def change(self, email: str = NEW, password: str = EVE["password"]) -> list[Letter]:
        """The letters of that."""
        before = len(self.letters())
        body = {"email": email, "password": password}
        self.done(202, "POST", "/email", body, self.token)
        found = self.letters()[before:]
        for letter in found:
            Templates.load(None, "Synnefo").fill(letter.template, letter.values)
        return found

    def confirm(self, link: str, code: int = 200) -> Any:
        return self.done(code, "POST", "/email/confirm", {"link": link})

    def forgotten(self, email: str) -> list[Letter]:
        before = len(self.letters())
        self.done(202, "POST", "/password/forgotten", {"email": email})
        return self.letters()[before:]

    def email_of(self, user_id: str = "") -> Any:
        """As Keystone tells it."""
        path = f"/v3/users/{user_id or self.user_id}"
        return self.cloud.ask("GET", path, self.cloud.token("admin")).json["user"].get("email")


class ChangeTests(EmailCase):
    def test_the_new_address_confirms_and_the_old_one_is_told(self) -> None:
        new, old = self.change()
        self.assertEqual((new.template, new.to), ("change-email", NEW))
        self.assertEqual((old.template, old.to), ("email-change-asked", EVE["email"]))
        self.assertEqual(self.email_of(), EVE["email"])
        self.assertEqual(self.confirm(new.link), {"email": NEW})
        self.assertEqual(self.email_of(), NEW)
        last = self.letters()[-1]
        self.assertEqual((last.template, last.to), ("email-changed", EVE["email"]))
        self.assertEqual(last.values["email"], NEW)

    def test_the_person_s_record_follows(self) -> None:
        self.confirm(self.change()[0].link)
        found = self.done(200, "GET", f"/{self.user_id}", token=self.cloud.token("admin"))
        self.assertEqual(found["person"]["email"], NEW)

    def test_letters_go_to_the_new_address(self) -> None:
        """And the old one is anybody's."""
        self.confirm(self.change()[0].link)
        self.assertEqual([one.to for one in self.forgotten(NEW)], [NEW])
        self.assertEqual(self.forgotten(EVE["email"]), [])
        self.cloud.now += 1000
        self.assertEqual(self.registered(name="other").template, "verify")

    def test_a_reset_that_was_sent_to_the_old_address_is_over(self) -> None:
        [reset] = self.forgotten(EVE["email"])
        self.confirm(self.change()[0].link)
        body = {"link": reset.link, "password": "mallory's"}
        self.refused(404, "POST", "/password/reset", body)

    def test_a_link_is_good_once(self) -> None:
        link = self.change()[0].link
        self.confirm(link)
        self.confirm(link, 404)

    def test_one_change_waits_at_a_time(self) -> None:
        first = self.change()[0].link
        second = self.change("another@example.org")[0].link
        self.confirm(first, 404)
        self.confirm(second)

    def test_a_link_ends(self) -> None:
        link = self.change()[0].link
        self.cloud.now += self.settings.change_email_s
        self.confirm(link, 404)

    def test_links_are_of_one_kind(self) -> None:
        """What verifies an address sets no password."""
        link = self.change()[0].link
        self.refused(404, "POST", "/password/reset", {"link": link, "password": "x"})
        self.confirm(link)

    def test_whoever_has_the_token_alone_changes_nothing(self) -> None:
        body = {"email": NEW, "password": "a guess"}
        self.refused(403, "POST", "/email", body, self.token)
        self.refused(400, "POST", "/email", {"email": NEW}, self.token)
        self.refused(401, "POST", "/email", body)
        self.assertEqual(self.letters("change-email"), [])

    def test_users_of_administrators(self) -> None:
        """Verify an address so, and may then have a letter for a forgotten password."""
        self.token = self.cloud.token("alice")
        [letter] = self.change("alice@example.org", SECRETS["alice"])
        self.confirm(letter.link)
        self.assertEqual(self.email_of("u-alice"), "alice@example.org")
        self.assertEqual([one.template for one in self.forgotten("alice@example.org")], ["reset"])

    def test_who_is_disabled_meanwhile(self) -> None:
        link = self.change()[0].link
        admin = self.cloud.token("admin")
        self.cloud.ask("PATCH", f"/v3/users/{self.user_id}", admin, {"user": {"enabled": False}})
        self.confirm(link, 404)

    def test_audit(self) -> None:
        self.confirm(self.change()[0].link)
        self.assertEqual(self.audit("account:ask_email"), [(self.user_id, {})])
        self.assertEqual(self.audit("account:change_email"), [(self.user_id, {})])

    def test_letters_are_slowed_down(self) -> None:
        body = {"email": NEW, "password": EVE["password"]}
        codes = [self.ask("POST", "/email", body, self.token).code for _ in range(4)]
        self.assertEqual(codes, [202, 202, 202, 429])


class AdministratorsTests(EmailCase):
    """Addresses that others write into a user's record."""

    def noted(self, email: str) -> None:
        admin = self.cloud.token("admin")
        path, body = f"/v3/users/{self.user_id}", {"user": {"email": email}}
        self.assertEqual(self.cloud.ask("PATCH", path, admin, body).code, 200)

    def test_the_one_before_has_no_claim_any_more(self) -> None:
        """Somebody else may read it by now; and the new one is not verified."""
        [reset] = self.forgotten(EVE["email"])
        self.noted(NEW)
        self.refused(404, "POST", "/password/reset", {"link": reset.link, "password": "x"})
        self.assertEqual(self.forgotten(EVE["email"]) + self.forgotten(NEW), [])
        found = self.done(200, "GET", f"/{self.user_id}", token=self.cloud.token("admin"))
        self.assertEqual(found["person"]["email"], NEW)
        self.assertEqual(self.log_in()[0], 201)

    def test_it_can_be_verified(self) -> None:
        self.noted(NEW)
        self.confirm(self.change()[0].link)
        self.assertEqual([one.to for one in self.forgotten(NEW)], [NEW])

    def test_the_same_again_changes_nothing(self) -> None:
        self.noted(EVE["email"].upper())
        self.assertEqual([one.to for one in self.forgotten(EVE["email"])], [EVE["email"]])

    def test_a_link_verifies_the_address_that_it_was_sent_to(self) -> None:
        """And no other that the user's record tells meanwhile."""
        letter = self.registered(name="other", email="other@example.org")
        admin = self.cloud.token("admin")
        [user] = self.cloud.ask("GET", "/v3/users?name=other", admin).json["users"]
        body = {"user": {"email": "victim@example.org"}}
        self.cloud.ask("PATCH", f"/v3/users/{user['id']}", admin, body)
        self.done(200, "POST", "/verify", {"link": letter.link})
        self.assertEqual([one.to for one in self.forgotten("other@example.org")], [letter.to])
        self.assertEqual(self.forgotten("victim@example.org"), [])

    def test_what_is_no_address(self) -> None:
        self.noted("by phone")
        self.assertEqual(self.forgotten(EVE["email"]), [])


class UniqueTests(EmailCase):
    """An address is one account's in a domain."""

    def setUp(self) -> None:
        super().setUp()
        self.verified(name="bob2", email="bob@example.org")
        self.cloud.now += 1000

    def test_another_s_address(self) -> None:
        """Its owner is told; whoever asks is not."""
        letters = self.change("bob@example.org")
        self.assertEqual(
            [(one.template, one.to) for one in letters],
            [("address-in-use", "bob@example.org"), ("email-change-asked", EVE["email"])],
        )
        self.assertNotIn("link", letters[0].values["url"])

    def test_the_first_who_verifies_it_has_it(self) -> None:
        link = self.change()[0].link
        other = self.registered(name="third", email=NEW)
        self.done(200, "POST", "/verify", {"link": other.link})
        self.confirm(link, 409)
        self.assertEqual(self.email_of(), EVE["email"])

    def test_case_makes_no_other_address(self) -> None:
        self.assertEqual(self.change("BOB@Example.org")[0].template, "address-in-use")

    def test_one_s_own(self) -> None:
        """Is confirmed again, and nobody is told of a change."""
        self.confirm(self.change(EVE["email"])[0].link)
        self.assertEqual(self.letters("email-changed"), [])


class PageTests(EmailCase):
    """In a browser."""

    def test_the_page_asks_and_the_button_changes(self) -> None:
        link = self.change()[0].link
        page = self.ask("GET", f"/email/confirm?link={link}")
        self.assertEqual(page.code, 200)
        self.assertIn(NEW.encode(), page.body)
        self.assertEqual(self.email_of(), EVE["email"])
        done = self.ask("POST", "/email/confirm", form={"link": link})
        self.assertEqual(done.code, 200)
        self.assertEqual(self.email_of(), NEW)

    def test_a_worthless_link(self) -> None:
        self.assertEqual(self.ask("GET", "/email/confirm?link=x").code, 404)
        self.assertEqual(self.ask("POST", "/email/confirm", form={"link": "x"}).code, 404)
