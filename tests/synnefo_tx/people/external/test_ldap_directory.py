"""
A real slapd, asked as settings say.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from synnefo_tx.people.external.errors import ProviderAway
from synnefo_tx.people.external.ldap.directory import Directory
from synnefo_tx.people.external.ldap.users import DirectoryUsers
from synnefo_tx.people.external.settings import AccountRules, LdapDirectory, RoleRule
from tests.synnefo_tx.people.external.a_directory import (
    GROUPS,
    PEOPLE,
    Slapd,
    group,
    person,
    shared_directory,
)


def directory(server: Slapd, password: str = "reader's secret", **settings: Any) -> Directory:
    fields: dict[str, Any] = {
        "urls": (server.url,),
        "user_base": PEOPLE,
        "group_base": GROUPS,
        "ca_file": server.ca_file,
        "bind_dn": "cn=reader,dc=test",
    }
    return Directory(LdapDirectory(**(fields | settings)), password)


class DirectoryCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.server = shared_directory()

    def there(self, uid: str, **more: str) -> None:
        self.server.add(person(uid, **more))
        self.addCleanup(self.server.remove, f"uid={uid},{PEOPLE}")


class BindTests(DirectoryCase):
    """Who is believed to be a user."""

    def setUp(self) -> None:
        super().setUp()
        self.there("carol", employeeType="physics")
        self.directory = directory(self.server)

    def test_the_right_password(self) -> None:
        """By STARTTLS, the entry with what was asked of it."""
        rules = AccountRules(roles=(RoleRule(claim="employeeType", value="physics", project="p"),))
        entry = directory(self.server, accounts=rules).proved("carol", "right")
        assert entry is not None
        self.assertEqual((entry.dn, entry.name), (f"uid=carol,{PEOPLE}", "carol"))
        self.assertEqual(entry.attributes["employeeType"], ["physics"])
        self.assertEqual(len(entry.identifier), 36)

    def test_what_is_wrong(self) -> None:
        """A wrong password or name, and an empty password, which RFC 4513 calls a success."""
        for name, password in (
            ("carol", "wrong"),
            ("carol", ""),
            ("carol", "\0"),
            ("nobody", "right"),
            ("nobody", ""),
            ("", "right"),
            ("", ""),
            ("x" * 256, "right"),
        ):
            with self.subTest(name=name, password=password):
                self.assertIsNone(self.directory.proved(name, password))

    def test_a_name_is_no_filter(self) -> None:
        """What a filter would read is a name like others."""
        for name in ("*", "car*", "carol)(uid=*", "*)(objectClass=*", "\\2a", "carol\0", "(", "é*"):
            with self.subTest(name=name):
                self.assertIsNone(self.directory.proved(name, "right"))

    def test_strange_names_work(self) -> None:
        """A user may be called what a filter would read."""
        self.server.add(person("st*r", givenName="x").replace("uid=st*r", "uid=star"))
        self.addCleanup(self.server.remove, f"uid=star,{PEOPLE}")
        self.server.change(f"dn: uid=star,{PEOPLE}\nchangetype: modify\nadd: uid\nuid: (s)\n")
        self.assertIsNotNone(self.directory.proved("(s)", "right"))

    def test_two_with_one_name_are_nobody(self) -> None:
        """Whose account it would be is not guessed."""
        self.there("dave")
        self.server.change(f"dn: uid=dave,{PEOPLE}\nchangetype: modify\nadd: uid\nuid: carol\n")
        self.assertIsNone(self.directory.proved("carol", "right"))

    def test_the_filter_of_users(self) -> None:
        """Who does not match it is no user."""
        narrow = directory(self.server, user_filter="(employeeType=chemistry)")
        self.assertIsNone(narrow.proved("carol", "right"))

    def test_groups(self) -> None:
        """Those that list the user, and no others."""
        self.there("dave")
        for name, who in (("one", "carol"), ("two", "dave"), ("three", "carol")):
            self.server.add(group(name, who))
            self.addCleanup(self.server.remove, f"cn={name},{GROUPS}")
        entry = self.directory.proved("carol", "right")
        assert entry is not None
        self.assertEqual(sorted(self.directory.groups(entry)), ["one", "three"])

    def test_all_users_are_told_in_pages(self) -> None:
        """Also when the server gives few at a time."""
        for number in range(5):
            self.there(f"many{number}")
        self.assertEqual(len(directory(self.server, page_size=2).identifiers()), 6)


class ConnectionTests(DirectoryCase):
    """How it is reached."""

    def setUp(self) -> None:
        super().setUp()
        self.there("carol")

    def right(self, **settings: Any) -> bool:
        return directory(self.server, **settings).proved("carol", "right") is not None

    def test_ldaps(self) -> None:
        """Encrypted from the first byte."""
        self.assertTrue(self.right(urls=(self.server.safe_url,), security="ldaps"))

    def test_a_certificate_of_others_is_refused(self) -> None:
        """No password is shown to a server that proves nothing."""
        for url, security in ((self.server.url, "starttls"), (self.server.safe_url, "ldaps")):
            with self.subTest(security=security), self.assertRaises(ProviderAway):
                self.right(urls=(url,), security=security, ca_file=None)

    def test_a_certificate_for_another_name_is_refused(self) -> None:
        """The certificate is of 127.0.0.1, and localhost is another name."""
        url = self.server.url.replace("127.0.0.1", "localhost")
        with self.assertRaises(ProviderAway):
            self.right(urls=(url,))

    def test_the_next_server_is_asked(self) -> None:
        """When the first is away."""
        self.assertTrue(self.right(urls=("ldap://127.0.0.1:1", self.server.url)))

    def test_all_are_away(self) -> None:
        """That is told, and is no wrong password."""
        with self.assertRaises(ProviderAway):
            self.right(urls=("ldap://127.0.0.1:1",))

    def test_a_server_that_says_nothing(self) -> None:
        """Is left after the time that settings say."""
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
            begun = time.monotonic()
            with self.assertRaises(ProviderAway):
                self.right(urls=(url,), timeout_s=1)
            self.assertLess(time.monotonic() - begun, 5)

    def test_we_may_not_search(self) -> None:
        """Our own wrong password is our trouble, and no user's."""
        with self.assertRaises(ProviderAway):
            self.right(password="wrong")

    def test_no_password_over_an_open_network(self) -> None:
        """Plain LDAP is for this machine alone."""
        with self.assertRaises(ValueError):
            LdapDirectory(urls=("ldap://elsewhere.test",), user_base=PEOPLE, security="none")


class UsersTests(TestCase):
    """The same without holding up the reactor."""

    def setUp(self) -> None:
        self.server = shared_directory()
        self.server.add(person("carol"))
        self.addCleanup(self.server.remove, f"uid=carol,{PEOPLE}")
        self.users = DirectoryUsers("d", directory(self.server, slowest_s=0.3), reactor)
        self.users.startService()
        self.addCleanup(self.users.stopService)

    async def test_wrong_names_and_passwords_are_alike_in_time(self) -> None:
        """Each is answered after the same time, which is longer than either takes."""
        for name, password in (("carol", "wrong"), ("nobody", "right"), ("carol", "")):
            begun = time.monotonic()
            self.assertIsNone(await self.users.person(name, password))
            took = time.monotonic() - begun
            self.assertGreaterEqual(took, 0.29, name)

    async def test_too_many_at_once(self) -> None:
        """A directory that hangs fills no memory: who comes last is told to come again."""
        asked = [Deferred.fromCoroutine(self.users.person("carol", "wrong")) for _ in range(80)]
        failed = [one for one in asked if one.called]
        self.assertEqual(len(failed), 16)
        for one in failed:
            self.failureResultOf(one)
        for one in asked[:64]:
            self.assertIsNone(await one)
