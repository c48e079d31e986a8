"""
What a hostile reader found in log-in by directories, with a real slapd.
"""

from __future__ import annotations

from typing import Any, ClassVar

from synnefo_tx.identity.rules.attempts import Limits
from synnefo_tx.people.external.ldap.directory import Directory
from synnefo_tx.people.external.rows.accounts import Listed
from tests.synnefo_tx.people.external.test_ldap_api import DirectoryCase
from tests.synnefo_tx.people.external.test_ldap_directory import directory


class GuessingTests(DirectoryCase):
    """A directory takes `CAROL` for `carol`; so do those who count."""

    more: ClassVar[dict[str, Any]] = {"limits": (Limits(3, 60), Limits(10**6, 1))}

    def test_other_spellings_are_no_further_tries(self) -> None:
        """At the account service, and by Keystone's method, however the domain is named."""
        names = ("carol", "CAROL", "Carol", "cArol")
        codes = [
            self.ask("POST", "/uni/password", "", {"name": name, "password": "wrong"}).code
            for name in names
        ]
        self.assertEqual(codes, [401, 401, 401, 429])
        self.cloud.now += 3600
        codes = [self.password(name, "wrong").code for name in names[:2]]
        codes += [self.in_other(name, "wrong").code for name in names[2:]]
        self.assertEqual(codes, [401, 401, 401, 429])

    def test_a_password_is_not_found_by_the_time(self) -> None:
        """With Keystone's method another spelling is wrong, and found to be so as late."""
        asked = directory(self.server)
        self.assertIsNone(asked.proved("CAROL", "right", exact=True))
        self.assertIsNotNone(asked.proved("carol", "right", exact=True))


class Nameless(Directory):
    """A directory that tells of an entry without a name."""

    def _pages(self, *_args: Any) -> list[dict[str, Any]]:
        values = {"entryUUID": [b"1"], "uid": [b"carol"]}
        return [{"dn": "", "raw_attributes": values}]


class OddTests(DirectoryCase):
    """What directories and clients should not say."""

    def test_an_entry_without_a_name_proves_nothing(self) -> None:
        """A bind without one is anonymous, and succeeds with any password."""
        right = directory(self.server)
        odd = Nameless(right.settings, right._password)
        self.assertIsNone(odd.proved("carol", "whatever"))

    def test_texts_that_are_none(self) -> None:
        """Are wrong, or refused."""
        for name, password in (("carol", "\ud800"), ("\ud800", "right"), ("a\0", "x")):
            answer = self.ask("POST", "/uni/password", "", {"name": name, "password": password})
            self.assertIn(answer.code, (400, 401))
            self.assertIsNone(directory(self.server).proved(name, password))


class SweepTests(DirectoryCase):
    """Who is taken for gone."""

    def test_who_came_while_the_directory_was_listed(self) -> None:
        """Is not on the list, and stays."""
        self.there("dave")
        self.user(self.password("carol", "right"))
        listed = Listed(directory(self.server).identifiers(), int(self.cloud.now))
        self.there("erin")
        self.cloud.now += 1
        self.user(self.password("erin", "right"))
        self.user(self.password("dave", "right"))
        rules = self.users.settings.accounts
        self.assertEqual(self.result(self.settle.gone("ldap:uni", listed, rules)), [])
        self.assertTrue(self.user(self.password("erin", "right"))["enabled"])
