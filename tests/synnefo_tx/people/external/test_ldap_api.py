"""
Users of a directory log in by Keystone's password method, and as people, with a real slapd.
"""

from __future__ import annotations

import contextlib
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock

from synnefo_tx.identity.rows import accounts as identity_accounts
from synnefo_tx.people.external.errors import ProviderAway
from synnefo_tx.people.external.ldap.sweep import Sweep
from synnefo_tx.people.external.ldap.users import DirectoryUsers
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.external.settings import AccountRules
from tests.synnefo_tx.identity.cloud import Answer
from tests.synnefo_tx.people.external.a_cloud import LogInCase
from tests.synnefo_tx.people.external.a_directory import (
    GROUPS,
    PEOPLE,
    group,
    person,
    shared_directory,
)
from tests.synnefo_tx.people.external.test_ldap_directory import directory


class DirectoryCase(LogInCase):
    def setUp(self) -> None:
        self.server = shared_directory()
        self.there("carol")
        self.users = self.known()
        self.stand(Providers({}, {"uni": self.users}))
        self.admin = self.cloud.token("admin", {"project": {"id": "p1"}})

    def known(self, **settings: Any) -> DirectoryUsers:
        rules = AccountRules(domain_id="other", mirror_groups=True)
        asked = directory(self.server, slowest_s=0, accounts=rules, **settings)
        return DirectoryUsers("uni", asked, Clock(), execute)

    def there(self, uid: str) -> None:
        self.server.add(person(uid))
        self.addCleanup(self.gone, uid)

    def gone(self, uid: str) -> None:
        with contextlib.suppress(RuntimeError):  # the test did it
            self.server.remove(f"uid={uid},{PEOPLE}")

    def password(self, name: str, password: str, domain_id: str = "other") -> Answer:
        user = {"name": name, "domain": {"id": domain_id}, "password": password}
        return self.cloud.authenticate(password={"user": user})

    def in_other(self, name: str, password: str) -> Answer:
        """
        The same, with the domain by its name.
        """
        user = {"name": name, "domain": {"name": "Other"}, "password": password}
        return self.cloud.authenticate(password={"user": user})

    def sweep(self) -> Any:
        return self.result(Sweep(self.users, self.settle, Clock()).once())


class KeystoneTests(DirectoryCase):
    """POST /v3/auth/tokens."""

    def test_a_user_of_the_directory(self) -> None:
        """By the domain's id or name; the account is made, and found again by its id."""
        user = self.user(self.password("carol", "right"))
        self.assertEqual((user["name"], user["domain_id"]), ("carol", "other"))
        self.assertEqual(user["email"], "carol@dir.test")
        self.assertEqual(self.user(self.in_other("carol", "right")), user)
        by_id = self.cloud.authenticate(password={"user": {"id": user["id"], "password": "right"}})
        self.assertEqual(self.user(by_id), user)

    def test_all_wrongs_are_alike(self) -> None:
        """Name, password, both, an empty password, before and after there is an account."""
        for _ in range(2):
            answers = {
                (answer.code, answer.body)
                for answer in (
                    self.password("carol", "wrong"),
                    self.password("carol", ""),
                    self.password("nobody", "right"),
                    self.password("*", "right"),
                    self.password("CAROL", "right"),
                )
            }
            self.assertEqual(len(answers), 1)
            self.assertEqual(answers.pop()[0], 401)
            self.user(self.password("carol", "right"))

    def test_other_domains_know_nothing_of_it(self) -> None:
        """There our own hashes hold."""
        self.assertEqual(self.password("carol", "right", "default").code, 401)
        self.assertEqual(self.cloud.login("alice").code, 201)

    def test_a_local_user_of_the_domain(self) -> None:
        """Has a password of ours, which holds; a namesake in the directory gets nothing."""
        hashed = self.context.passwords.hash_now("ours")
        self.cloud.write(identity_accounts.create_user, "u-local", "other", "carol", hashed)
        self.assertEqual(self.user(self.password("carol", "ours"))["id"], "u-local")
        self.assertEqual(self.password("carol", "right").code, 401)

    def test_no_password_of_ours_beside_it(self) -> None:
        """A user of the directory can't set one here."""
        user = self.user(self.password("carol", "right"))
        change = {"original_password": "right", "password": "mine"}
        answer = self.cloud.ask("POST", f"/v3/users/{user['id']}/password", "", {"user": change})
        self.assertEqual(answer.code, 401)
        self.assertEqual(self.password("carol", "mine").code, 401)

    def test_groups_are_mirrored(self) -> None:
        """And left, when the directory says so."""
        self.server.add(group("physics", "carol"))
        self.addCleanup(self.server.remove, f"cn=physics,{GROUPS}")
        user = self.user(self.password("carol", "right"))["id"]
        self.assertEqual(self.groups(user), ["physics"])
        dn, other = f"cn=physics,{GROUPS}", f"uid=nobody,{PEOPLE}"
        self.server.change(f"dn: {dn}\nchangetype: modify\nreplace: member\nmember: {other}\n")
        self.password("carol", "right")
        self.assertEqual(self.groups(user), [])

    def groups(self, user_id: str) -> list[str]:
        listed = self.cloud.ask("GET", f"/v3/users/{user_id}/groups", self.admin).json["groups"]
        return [one["name"] for one in listed]

    def test_a_new_name_is_followed(self) -> None:
        """The account is the same: it hangs on entryUUID."""
        user = self.user(self.password("carol", "right"))
        self.server.change(
            f"dn: uid=carol,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=karol\ndeleteoldrdn: 1\n"
        )
        self.addCleanup(self.gone, "karol")
        self.assertEqual(self.user(self.password("karol", "right"))["id"], user["id"])
        self.assertEqual(self.password("carol", "right").code, 401)

    def test_a_name_that_was_given_to_another(self) -> None:
        """Whoever has it now does not get the account of who had it."""
        self.user(self.password("carol", "right"))
        self.gone("carol")
        self.there("carol")
        self.assertEqual(self.password("carol", "right").code, 401)

    def test_the_directory_is_away(self) -> None:
        """503: it was no wrong password."""
        self.stand(Providers({}, {"uni": self.known(urls=("ldap://127.0.0.1:1",))}))
        self.assertEqual(self.password("carol", "right").code, 503)
        self.assertEqual(self.cloud.login("alice").code, 201)


class SweepTests(DirectoryCase):
    """Who is gone there."""

    def setUp(self) -> None:
        super().setUp()
        self.there("dave")
        self.answer = self.password("carol", "right")
        self.carol = self.user(self.answer)["id"]
        self.dave = self.user(self.password("dave", "right"))["id"]
        self.cloud.now += 2

    def worth(self) -> int:
        token = self.answer.header("X-Subject-Token")
        return self.cloud.ask("GET", "/v3/auth/projects", token).code

    def test_who_is_gone_is_disabled(self) -> None:
        """And the user's tokens end; others keep theirs."""
        self.assertEqual(self.sweep(), [])
        self.gone("carol")
        self.assertEqual(self.worth(), 200)
        self.assertEqual(self.sweep(), [self.carol])
        self.assertEqual(self.worth(), 401)
        self.assertEqual(self.audit()[-1], ("identity:update_user", "success", self.carol))
        self.assertEqual(self.sweep(), [])
        self.assertEqual(self.password("dave", "right").code, 201)

    def test_who_comes_back_is_enabled(self) -> None:
        """When it is the same entry, and nobody else has disabled the user."""
        narrow = self.known(user_filter="(uid=dave)")
        self.assertEqual(self.result(Sweep(narrow, self.settle, Clock()).once()), [self.carol])
        self.assertEqual(self.user(self.password("carol", "right"))["id"], self.carol)

    def test_who_was_disabled_by_hand_stays_so(self) -> None:
        """The directory does not undo what an administrator did."""
        self.cloud.disable("user", self.carol)
        self.gone("carol")
        self.sweep()
        self.there("carol")
        self.assertEqual(self.password("carol", "right").code, 401)

    def test_an_empty_directory_disables_nobody(self) -> None:
        """It is more likely broken."""
        self.gone("carol")
        self.gone("dave")
        self.assertEqual(self.sweep(), [])

    def test_a_directory_that_is_away_disables_nobody(self) -> None:
        """No answer is not an empty one."""
        users = self.known(urls=("ldap://127.0.0.1:1",))
        swept = Deferred.fromCoroutine(Sweep(users, self.settle, Clock()).once())
        self.failureResultOf(swept, ProviderAway)
        self.assertEqual(self.worth(), 200)


class PeopleTests(DirectoryCase):
    """POST /account/v1.0/people/log-in/uni/password."""

    def log_in(self, name: Any, password: Any) -> Answer:
        return self.ask("POST", "/uni/password", "", {"name": name, "password": password})

    def test_a_token(self) -> None:
        """The same account as by Keystone."""
        user = self.user(self.log_in("carol", "right"))
        self.assertEqual(self.user(self.password("carol", "right"))["id"], user["id"])

    def test_wrongs_are_alike(self) -> None:
        """As there."""
        shown = [("carol", "wrong"), ("carol", ""), ("nobody", "right"), ("*", "right")]
        answers = {(one.code, one.body) for one in (self.log_in(*each) for each in shown)}
        self.assertEqual([code for code, _ in answers], [401])

    def test_garbage(self) -> None:
        """400."""
        for name, password in ((None, "x"), ("carol", 7), ([], {})):
            self.assertEqual(self.log_in(name, password).code, 400)
