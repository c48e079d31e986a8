"""
People see, add and remove the ways by which they log in.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs
from sqlalchemy import select
from twisted.internet.task import Clock

from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.people.errors import LastWay
from synnefo_tx.people.external.ldap.sweep import Sweep
from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.rows import accounts
from synnefo_tx.people.external.rows.accounts import Moment
from synnefo_tx.people.external.settings import AccountRules
from synnefo_tx.people.mail.tables import mail_queue
from synnefo_tx.people.rows import addresses, methods
from tests.synnefo_tx.identity.cloud import SECRETS, Answer
from tests.synnefo_tx.migrated import migrated_in_server
from tests.synnefo_tx.people.external.a_cloud import ACCOUNT
from tests.synnefo_tx.people.external.a_directory import GROUPS, group
from tests.synnefo_tx.people.external.test_ldap_api import DirectoryCase
from tests.synnefo_tx.people.external.test_openid_api import OpenidCase
from tests.synnefo_tx.racing import RaceCase

OWN = {"password": SECRETS["alice"]}
NOW = 1_800_000_000
RULES, MOMENT = AccountRules(), Moment(NOW, 3600)


class OpenidMethodTests(OpenidCase):
    """A password, and a provider."""

    def setUp(self) -> None:
        super().setUp()
        self.alice = self.cloud.token("alice")

    def at(self, method: str, path: str, token: str, body: Any = None) -> Answer:
        return self.ask_at(f"{ACCOUNT}/methods{path}", method, token, body)

    def names(self, token: str) -> list[str]:
        listed = self.at("GET", "", token).json["methods"]
        return [one["method"] for one in listed]

    def remove(self, token: str, name: str, **shown: str) -> int:
        return self.at("POST", "/remove", token, {"method": name} | shown).code

    def added(self) -> None:
        """The provider is alice's, who has a new token."""
        self.user(self.back(self.begin(self.alice)))

    def test_listed(self) -> None:
        """With who that is there, and when it was used."""
        self.added()
        password, work = self.at("GET", "", self.alice).json["methods"]
        self.assertEqual(password, {"method": "password", "offered": True})
        expected = {"method": "oidc:work", "offered": True, "identifier": "p-1"}
        self.assertEqual(work, expected | {"last_used_at": "2027-01-15T08:00:00Z"})

    def test_a_provider_goes_with_all_tokens(self) -> None:
        """Some may have come by it."""
        self.added()
        self.cloud.now += 2
        self.assertEqual(self.remove(self.alice, "oidc:work", **OWN), 204)
        self.assertEqual(self.at("GET", "", self.alice).code, 401)
        self.cloud.now += 2
        self.assertEqual(self.names(self.cloud.token("alice")), ["password"])
        self.assertNotEqual(self.user(self.log_in())["name"], "alice")

    def test_the_password_goes(self) -> None:
        """From then on there is the provider alone."""
        self.added()
        self.cloud.now += 2
        self.assertEqual(self.remove(self.alice, "password", **OWN), 204)
        self.assertEqual(self.cloud.login("alice").code, 401)
        self.assertEqual(self.user(self.log_in())["name"], "alice")

    def test_the_last_one_stays(self) -> None:
        """Whichever it is; one that the cloud does not offer any more is none."""
        self.assertEqual(self.remove(self.alice, "password", **OWN), 409)
        token = self.log_in().header("X-Subject-Token")
        self.assertEqual(self.remove(token, "oidc:work"), 409)
        moment = Moment(NOW, 3600)
        old = Person("oidc:old", "x", "x")
        self.cloud.write(accounts.settle, old, AccountRules(), "u-alice", moment)
        self.assertEqual(self.remove(self.alice, "password", **OWN), 409)
        self.assertEqual(self.remove(self.alice, "oidc:old", **OWN), 204)

    def test_it_takes_more_than_a_token(self) -> None:
        """The password, or a fresh log-in; never a token that was handed on."""
        self.added()
        self.assertEqual(self.remove(self.alice, "oidc:work"), 400)
        self.assertEqual(self.remove(self.alice, "oidc:work", password="wrong"), 403)
        made = {"application_credential": {"name": "robot", "unrestricted": True}}
        path = "/v3/users/u-alice/application_credentials"
        robot = self.cloud.ask("POST", path, self.alice, made).json["application_credential"]
        shown = {"id": robot["id"], "secret": robot["secret"]}
        token = self.cloud.authenticate(application_credential=shown).header("X-Subject-Token")
        self.assertEqual(self.remove(token, "oidc:work", **OWN), 403)
        self.assertEqual(self.at("GET", "", token).code, 403)

    def test_the_owner_is_told(self) -> None:
        """Of what is added and what is removed, at a verified address."""
        self.cloud.write(addresses.claim, "default", "alice@cloud.test", "u-alice")
        self.added()
        self.assertEqual(self.remove(self.alice, "oidc:work", **OWN), 204)
        with self.cloud.database.engine.connect() as connection:
            rows = connection.execute(select(mail_queue)).all()
        self.assertEqual(
            {(row.template, row.recipient, row.filling["what"]) for row in rows},
            {
                ("log-in-changed", "alice@cloud.test", "a log-in by oidc:work was added."),
                ("log-in-changed", "alice@cloud.test", "the log-in by oidc:work was removed."),
            },
        )

    def test_what_is_none(self) -> None:
        """404."""
        self.assertEqual(self.remove(self.alice, "oidc:other", **OWN), 404)

    def test_a_first_password(self) -> None:
        """For who came by a provider; another takes the present one."""
        carol = self.log_in().header("X-Subject-Token")
        given = {"new_password": "a first one"}
        self.assertEqual(self.at("POST", "/password", carol, given).code, 204)
        user = {"name": "carol", "domain": {"id": "default"}, "password": "a first one"}
        self.assertEqual(self.cloud.authenticate(password={"user": user}).code, 201)
        again = given | {"password": "a first one"}
        self.assertEqual(self.at("POST", "/password", carol, again).code, 409)
        self.assertEqual(self.names(carol), ["password", "oidc:work"])
        self.assertIn("account:set_first_password", [action for action, _, _ in self.audit()])

    def test_a_key_of_its_owner_sets_none(self) -> None:
        """A token that an EC2 key gave is fresh, and is no log-in of the person."""
        text = self.log_in().header("X-Subject-Token")
        token = structs.replace(self.cloud.tokens.open(text), methods=("ec2credential",))
        given = {"new_password": "a thief's"}
        for one, code in ((self.cloud.tokens.seal(token), 403), (text, 204)):
            self.assertEqual(self.at("POST", "/password", one, given).code, code)

    def test_an_old_log_in_sets_none(self) -> None:
        """A token that was found would be an account that was taken."""
        carol = self.log_in().header("X-Subject-Token")
        self.cloud.now += 601
        given = {"new_password": "a thief's"}
        self.assertEqual(self.at("POST", "/password", carol, given).code, 403)


class DirectoryMethodTests(DirectoryCase):
    """A directory is added to an account that is not its own."""

    def setUp(self) -> None:
        super().setUp()
        self.alice = self.cloud.token("alice")

    def add(self, password: str = "right", own: str = SECRETS["alice"]) -> int:
        body = {"name": "carol", "password": password, "own_password": own}
        return self.ask("POST", "/uni/password/add", self.alice, body).code

    def log_in(self) -> Answer:
        return self.ask("POST", "/uni/password", "", {"name": "carol", "password": "right"})

    def test_it_leads_to_the_account(self) -> None:
        """Which keeps its name and its address: they are not the directory's."""
        self.assertEqual(self.add(), 204)
        user = self.user(self.log_in())
        self.assertEqual((user["id"], user["name"]), ("u-alice", "alice"))
        self.assertNotIn("email", user)

    def test_both_passwords_have_to_be_right(self) -> None:
        """Ours, and the one there."""
        self.assertEqual(self.add(password="wrong"), 401)
        self.assertEqual(self.add(own="wrong"), 403)

    def test_one_of_another_s(self) -> None:
        """409."""
        self.user(self.log_in())
        self.assertEqual(self.add(), 409)

    def test_gone_there_the_account_stays(self) -> None:
        """Without what the directory gave."""
        self.there("dave")
        self.server.add(group("physics", "carol"))
        self.addCleanup(self.server.remove, f"cn=physics,{GROUPS}")
        self.assertEqual(self.add(), 204)
        self.user(self.password("dave", "right"))
        self.cloud.now += 2
        self.gone("carol")
        self.assertEqual(self.result(Sweep(self.users, self.settle, Clock()).once()), [])
        self.assertEqual(self.cloud.login("alice").code, 201)
        path = "/v3/users/u-alice/groups"
        self.assertEqual(self.cloud.ask("GET", path, self.admin).json["groups"], [])

    def test_no_password_of_ours_in_its_domain(self) -> None:
        """There the directory knows them."""
        token = self.log_in().header("X-Subject-Token")
        body = {"new_password": "mine", "password": "right"}
        answer = self.ask_at(f"{ACCOUNT}/methods/password", "POST", token, body)
        self.assertEqual(answer.code, 403)

    def test_the_directory_s_own_shows_its_password(self) -> None:
        """A fresh token is not enough for who has one."""
        token = self.log_in().header("X-Subject-Token")
        for body, code in (({}, 400), ({"password": "wrong"}, 403), ({"password": "right"}, 409)):
            answer = self.ask_at(
                f"{ACCOUNT}/methods/remove", "POST", token, {"method": "ldap:uni"} | body
            )
            self.assertEqual(answer.code, code, answer.body)


class RaceTests(RaceCase):
    """Of two ways that go at once, one stays."""

    def setUp(self) -> None:
        super().setUp()
        self.run_in(accounts.settle, Person("oidc:work", "x", "x"), RULES, "u-alice", MOMENT)

    def test_both_at_once(self) -> None:
        offered = {"password", "oidc:work"}
        jobs = [
            (methods.remove, "u-alice", name, offered, RULES, MOMENT) for name in sorted(offered)
        ]
        refused = [one for one in self.at_once(*jobs) if one is not None]
        self.assertEqual([type(one) for one in refused], [LastWay])
        self.assertEqual(len(self.run_in(methods.methods_of, "u-alice")), 1)
        self.assertTrue(self.run_in(things.fetch, USER, "u-alice")["enabled"])


class PostgresqlRaceTests(RaceTests):
    """The same, with two writers at a time."""

    def make_url(self) -> str:
        return migrated_in_server()
