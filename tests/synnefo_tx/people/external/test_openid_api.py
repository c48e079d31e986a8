"""
People log in by an OpenID provider, and get accounts, groups and roles by what it tells.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.identity.rows.memberships import add_member, is_member
from synnefo_tx.people.external import waiting
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.external.rows import accounts
from synnefo_tx.people.external.settings import AccountRules, RoleRule
from tests.synnefo_tx.identity.cloud import SECRETS, Answer
from tests.synnefo_tx.people.external.a_cloud import LogInCase
from tests.synnefo_tx.people.external.a_provider import ISSUER, AProvider, query_of

LAB = RoleRule(claim="unit", value="physics", project="two", role="member")


class OpenidCase(LogInCase):
    def setUp(self) -> None:
        self.provider = AProvider()
        self.known()

    def known(self, **settings: Any) -> None:
        self.stand(Providers({"work": self.provider.client(**settings)}, {}))
        self.flush_further = self.provider.treq.flush

    def begin(self, token: str = "") -> dict[str, str]:
        """
        What the browser takes to the provider.
        """
        shown = {"password": SECRETS["alice"]} if token else {}
        answer = self.ask("POST", "/work/add" if token else "/work/begin", token, shown)
        self.assertEqual(answer.code, 200, answer.body)
        self.url: str = answer.json["url"]
        return query_of(self.url)

    def back(self, asked: dict[str, str], **claims: Any) -> Answer:
        code = self.provider.visit(self.url, **claims)
        return self.ask("GET", "/work/return", code=code, state=asked["state"])

    def log_in(self, **claims: Any) -> Answer:
        return self.back(self.begin(), **claims)


class LogInTests(OpenidCase):
    """The way in."""

    def test_a_new_person_gets_an_account_and_a_token(self) -> None:
        """The second time it is the same account."""
        user = self.user(self.log_in(email="carol@test", email_verified=True))
        self.assertEqual((user["name"], user["domain_id"]), ("carol", "default"))
        self.assertEqual((user["email"], user["password_hash"]), ("carol@test", None))
        self.assertEqual(self.user(self.log_in(preferred_username="renamed"))["id"], user["id"])
        self.assertEqual(
            self.audit(),
            [
                ("identity:create_user", "success", user["id"]),
                ("identity:authenticate", "success", user["id"]),
                ("identity:authenticate", "success", user["id"]),
            ],
        )

    def test_the_ways_are_told(self) -> None:
        """A page can show them, and learns no secret."""
        told = self.ask("GET", "").json["providers"]
        way = {"name": "work", "kind": "openid", "label": "work", "domain_id": "default"}
        self.assertEqual(told, [way])

    def test_nobody_takes_an_account_by_its_name_or_address(self) -> None:
        """An equal name is told; an equal address gives nothing."""
        answer = self.log_in(preferred_username="alice", email="alice@test", email_verified=True)
        self.assertEqual(answer.code, 409)
        self.assertEqual(answer.header("X-Subject-Token"), "")

    def test_who_is_logged_in_adds_the_provider(self) -> None:
        """From then on it leads to that account."""
        alice = self.cloud.token("alice")
        self.assertEqual(self.user(self.back(self.begin(alice)))["name"], "alice")
        self.assertEqual(self.user(self.log_in())["name"], "alice")

    def test_a_log_in_of_another_account_is_not_added(self) -> None:
        """Whose it is stays."""
        self.log_in()
        alice = self.cloud.token("alice")
        self.assertEqual(self.back(self.begin(alice)).code, 409)

    def test_adding_needs_a_token_of_ones_own(self) -> None:
        """None at all is refused."""
        self.assertEqual(self.ask("POST", "/work/add", "", {}).code, 401)

    def test_no_accounts_for_strangers(self) -> None:
        """Where settings say so, only those who have added it log in."""
        self.known(accounts=AccountRules(create=False))
        self.assertEqual(self.log_in().code, 403)

    def test_a_disabled_user_stays_outside(self) -> None:
        """As with a password."""
        user = self.user(self.log_in())
        self.cloud.disable("user", user["id"])
        self.assertEqual(self.log_in().code, 401)
        self.assertEqual(self.audit()[-1], ("identity:authenticate", "failure", user["id"]))

    def test_a_second_factor_is_asked_for(self) -> None:
        """The user's rules hold: a receipt, and no token."""
        user = self.user(self.log_in())
        rules = {"multi_factor_auth_rules": [["totp"]]}
        self.cloud.change("user", user["id"], {"options": rules})
        answer = self.log_in()
        self.assertEqual(answer.code, 401)
        self.assertTrue(answer.header("Openstack-Auth-Receipt"))
        self.assertEqual(answer.header("X-Subject-Token"), "")

    def test_a_provider_that_is_away(self) -> None:
        """Is told as such: 503."""
        self.provider.metadata = {"issuer": "https://evil.test"}
        self.assertEqual(self.ask("POST", "/work/begin", "", {}).code, 503)

    def test_an_unknown_provider(self) -> None:
        """404."""
        self.assertEqual(self.ask("POST", "/other/begin", "", {}).code, 404)


class HostileTests(OpenidCase):
    """Browsers that bring what is not theirs."""

    def test_a_state_is_good_once(self) -> None:
        """Also when the browser kept its cookie, and has a fresh code."""
        asked = self.begin()
        kept = dict(self.browser)
        self.user(self.back(asked))
        self.browser = kept
        self.assertEqual(self.back(asked).code, 401)

    def test_a_state_of_another_browser(self) -> None:
        """Nobody is logged in to an account that another has begun to open (RFC 6749, 10.12)."""
        asked = self.begin()
        self.browser = {}
        self.assertEqual(self.back(asked).code, 401)

    def test_a_cookie_under_another_state(self) -> None:
        """A cookie is of its log-in alone."""
        first = self.begin()
        second = self.begin()
        name, other = (waiting.cookie_name(one["state"]) for one in (first, second))
        self.browser[name] = self.browser[other]
        self.assertEqual(self.back(first).code, 401)

    def test_too_late(self) -> None:
        """After ten minutes nothing is left of it."""
        asked = self.begin()
        self.provider.now = self.cloud.now = self.cloud.now + waiting.LASTS_S + 1
        self.assertEqual(self.back(asked).code, 401)

    def test_other_secrets_of_ours_are_no_cookies(self) -> None:
        """What the same keys seal for other things is refused."""
        asked = self.begin()
        name = waiting.cookie_name(asked["state"])
        for text in ("", "x", self.context.secrets.seal("receipt []"), "\x7f"):
            self.browser[name] = text
            self.assertEqual(self.back(asked).code, 401)

    def test_the_provider_refuses(self) -> None:
        """Who says no there is told plainly here."""
        asked = self.begin()
        answer = self.ask("GET", "/work/return", error="access_denied", state=asked["state"])
        self.assertEqual(answer.code, 401)
        self.assertIn("Begin again", answer.body.decode())

    def test_the_cookie_is_out_of_reach_of_scripts(self) -> None:
        """And of other sites' requests."""
        cookie = self.ask("POST", "/work/begin", "", {}).header("Set-Cookie")
        for part in ("HttpOnly", "SameSite=Lax", "Path=/account/v1.0/people/log-in"):
            self.assertIn(part, cookie)

    def test_an_answer_of_another_provider(self) -> None:
        """`iss` of another is refused."""
        asked = self.begin()
        code = self.provider.visit(self.url)
        query = {"code": code, "state": asked["state"], "iss": ISSUER + ".evil"}
        self.assertEqual(self.ask("GET", "/work/return", **query).code, 401)


class GivenTests(OpenidCase):
    """Groups and roles that come by claims, and go with them."""

    def setUp(self) -> None:
        super().setUp()
        rules = AccountRules(
            groups_claim="groups", groups={"staff": "crew"}, mirror_groups=True, roles=(LAB,)
        )
        self.known(accounts=rules)
        self.admin = self.cloud.token("admin", {"project": {"id": "p1"}})
        self.crew = self.group("crew")

    def group(self, name: str) -> str:
        body = {"group": {"name": name}}
        made = self.cloud.ask("POST", "/v3/groups", self.admin, body).json["group"]["id"]
        return str(made)

    def groups(self, user_id: str) -> list[str]:
        listed = self.cloud.ask("GET", f"/v3/users/{user_id}/groups", self.admin).json["groups"]
        return sorted(group["name"] for group in listed)

    def test_groups_come_and_go(self) -> None:
        """The second log-in without them takes them back, and ends the first one's token."""
        answer = self.log_in(groups=["staff", "lab"])
        user = self.user(answer)["id"]
        self.assertEqual(self.groups(user), ["crew", "lab"])
        self.cloud.now += 2
        self.log_in(groups=["lab"])
        self.assertEqual(self.groups(user), ["lab"])
        token = answer.header("X-Subject-Token")
        self.assertEqual(self.cloud.ask("GET", "/v3/auth/projects", token).code, 401)

    def test_a_group_that_was_here_is_not_mirrored(self) -> None:
        """A provider can't name itself into a group of ours."""
        self.group("admins")
        user = self.user(self.log_in(groups=["admins", "crew"]))["id"]
        self.assertEqual(self.groups(user), [])

    def test_what_others_gave_stays(self) -> None:
        """A membership that an administrator gave is none of the provider's."""
        user = self.user(self.log_in())["id"]
        self.cloud.write(add_member, user, self.crew)
        self.log_in(groups=["staff"])
        self.log_in(groups=[])
        self.assertTrue(self.cloud.write(is_member, user, self.crew))

    def test_roles_come_and_go(self) -> None:
        """On the project that the rule names."""
        scope = {"project": {"id": "p2"}}
        answer = self.log_in(unit="physics")
        text = answer.header("X-Subject-Token")
        scoped = self.cloud.authenticate(token={"id": text}, scope=scope)
        self.assertEqual([role["name"] for role in scoped.json["token"]["roles"]], ["member"])
        self.cloud.now += 2
        text = self.log_in().header("X-Subject-Token")
        self.assertEqual(self.cloud.authenticate(token={"id": text}, scope=scope).code, 401)

    def test_a_provider_that_is_taken_off_takes_what_it_gave(self) -> None:
        """Groups and roles go with the log-in."""
        user = self.user(self.log_in(groups=["staff"], unit="physics"))["id"]
        self.assertEqual(self.cloud.write(accounts.log_ins_of, user), [("oidc:work", "p-1")])
        moment = accounts.Moment(int(self.cloud.now), 3600)
        self.cloud.write(accounts.unlink, user, "oidc:work", AccountRules(), moment)
        self.assertEqual(self.groups(user), [])
        self.assertEqual(self.log_in().code, 409)  # its name is still the account's
