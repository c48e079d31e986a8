"""
Each persona at each route of the identity API: let in or refused, as the table says.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.permission_table import PERMISSIONS
from synnefo_tx.identity.permissions import Rule
from tests.synnefo_tx.identity.cloud import Answer, identity_cloud
from tests.synnefo_tx.identity.personas import AWAY, HOME, ROLES_AT, tokens_of_all

_ADMINS = {"project admin", "domain admin", "system admin"}
_SYSTEM = {"system reader", "system member", "system manager"}
_DOMAIN = {"domain reader", "domain member", "domain manager"}
_OWNER = {"owner"}
_EVERYBODY = {*ROLES_AT, "owner", "unscoped", "other user", "restricted"}

# Who is let in to things of HOME, by hand: not computed from the rules that it judges.
LET_IN: dict[Rule, set[str]] = {
    Rule.ANY_TOKEN: _EVERYBODY,
    Rule.ADMIN: _ADMINS,
    Rule.OWNER: _OWNER,
    Rule.ADMIN_OR_OWNER: _ADMINS | _OWNER,
    Rule.ADMIN_OR_SERVICE: _ADMINS | {"service"},
    Rule.SYSTEM_READER: _ADMINS | _SYSTEM,
    Rule.SYSTEM_READER_OR_OWNER: _ADMINS | _SYSTEM | _OWNER,
    Rule.SERVICE_READER_OR_OWNER: _ADMINS | _SYSTEM | _OWNER | {"service"},
    Rule.DOMAIN_READER: _ADMINS | _SYSTEM | _DOMAIN,
    Rule.DOMAIN_READER_OR_OWNER: _ADMINS | _SYSTEM | _DOMAIN | _OWNER,
    Rule.DOMAIN_READER_OR_PROJECT: _ADMINS | _SYSTEM | _DOMAIN | _OWNER,
    Rule.DOMAIN_MANAGER: _ADMINS | {"domain manager"},
    Rule.ROLE_READER: _ADMINS | _SYSTEM | {"domain manager"},
    Rule.WITHIN_DOMAIN: _EVERYBODY - {"unscoped"},
}
# Of things of AWAY: those whose power ends with their domain or project, or with themselves, are
# out.
ABROAD = _ADMINS | _SYSTEM | {"service"}

OPEN = {  # no token is asked for
    "GET /",
    "GET /v3",
    "POST /v3/auth/tokens",
    "POST /v3/users/<user_id>/password",
    "POST /v3/OS-OAUTH2/token",
}
# Everybody may ask; the answer has the caller's own things alone.
OWN_ONLY = {"GET /v3/credentials"}
_IN_PROJECT = {one for one in ROLES_AT if one.startswith("project")} | {"service", "owner"}
_TRUSTEE = {"other user", "unscoped"}  # tokens of bob, who is trusted
_TRUST = "/v3/OS-TRUST/trusts/<trust_id>"
ELSE = {  # where more than the rule decides
    "GET /v3/auth/catalog": _IN_PROJECT | {"other user", "restricted"},
    "GET /v3/limits/<limit_id>": _ADMINS | _SYSTEM,  # one that isn't there is of no project
    "GET /v3/OS-TRUST/trusts": _ADMINS | _SYSTEM,
    f"GET {_TRUST}": _ADMINS | _SYSTEM | _OWNER | _TRUSTEE,
    f"GET {_TRUST}/roles": _ADMINS | _SYSTEM | _OWNER | _TRUSTEE,
    f"GET {_TRUST}/roles/<role_id>": _ADMINS | _SYSTEM | _OWNER | _TRUSTEE,
}

BODIES: dict[str, dict[str, Any]] = {
    "users": {"user": {"name": "new"}},
    "groups": {"group": {"name": "new"}},
    "projects": {"project": {"name": "new"}},
    "domains": {"domain": {"name": "new"}},
    "roles": {"role": {"name": "new"}},
    "tags": {"tags": ["new"]},
    "config": {"config": {"ldap": {"url": "ldap://new"}}},
    "application_credentials": {"application_credential": {"name": "new"}},
    "credentials": {"credential": {"user_id": "u-alice", "type": "cert", "blob": "x"}},
    "OS-EC2": {"tenant_id": "p1"},
    "trusts": {
        "trust": {
            "trustor_user_id": "u-alice",
            "trustee_user_id": "u-bob",
            "project_id": "p1",
            "impersonation": False,
            "roles": [{"id": "role-member"}],
        }
    },
}
WITH_BODY = {"PATCH", "POST", "PUT"}
LAST = ("DELETE", "/v3/auth/tokens")  # makes the victim's token worthless


class RouteCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)
        self.tokens = tokens_of_all(self.cloud)
        self.victim = self.cloud.token("alice", {"project": {"id": "p1"}})
        self.things = self.belongings()
        self.keep_nothing()

    def belongings(self) -> dict[str, str]:
        """One thing of each kind that a user has, the owner's."""
        ask, owner = self.cloud.ask, self.tokens["owner"]
        mine = "/v3/users/u-alice"
        rules = [{"service": "identity", "method": "GET", "path": "/v3/users"}]
        body: dict[str, Any] = {"name": "robot", "access_rules": rules}
        made = ask(
            "POST", f"{mine}/application_credentials", owner, {"application_credential": body}
        )
        robot = made.json["application_credential"]
        ec2 = ask("POST", f"{mine}/credentials/OS-EC2", owner, {"tenant_id": "p1"})
        blob = BODIES["credentials"]
        trust = ask("POST", "/v3/OS-TRUST/trusts", owner, BODIES["trusts"])
        return {
            "application_credentials": robot["id"],
            "access_rules": robot["access_rules"][0]["id"],
            "OS-EC2": ec2.json["credential"]["access"],
            "credentials": ask("POST", "/v3/credentials", owner, blob).json["credential"]["id"],
            "trusts": trust.json["trust"]["id"],
            "roles": "role-member",
            "implies": "role-reader",
        }

    def keep_nothing(self) -> None:
        """Whoever is let in does the work, and it is undone: the next one finds all as it was."""

        async def write(unit: Any, *args: Any, **more: Any) -> Any:
            engine = self.cloud.database.engine
            with engine.connect().execution_options(synnefo_write=True) as connection:
                return unit(connection, *args, **more)

        self.cloud.database.write = write  # type: ignore[method-assign]

    def at(self, pattern: str, places: dict[str, str]) -> str:
        """The path with things for its parts."""
        parts = pattern.split("/")
        for number, part in enumerate(parts):
            if part.startswith("<"):
                before = parts[number - 1]
                singular = before.removesuffix("s")
                found = places.get(singular) or self.things.get(before)
                if part == "<actor_id>":
                    found = places[singular]
                parts[number] = found or "nothing"
        return "/".join(parts)

    def ask(self, method: str, path: str, pattern: str, token: str, domain: str) -> Answer:
        body = None
        if method in WITH_BODY:
            nouns = [part for part in pattern.split("/") if not part.startswith("<")]
            body = BODIES.get(nouns[-1], {})
            if method == "POST" and nouns[-1] in ("users", "groups", "projects"):
                noun = nouns[-1].removesuffix("s")
                body = {noun: body[noun] | {"domain_id": domain}}
        more = {"X-Subject-Token": self.victim} if pattern == "/v3/auth/tokens" else {}
        return self.cloud.ask(method, path, token, body, headers=more)


def refused(answer: Answer) -> bool:
    """For who asks; other refusals are for what was asked."""
    return answer.code == 403 and (not answer.body or b"not authorized" in answer.body)


class EveryRouteTests(RouteCase):
    def routes(self) -> list[tuple[str, str, str]]:
        routes = self.cloud.router.routes
        known = [(method, path, name) for method, path, name in routes if name is not None]
        known.sort(key=lambda one: one[:2] == LAST)
        return known

    def test_what_needs_no_token_is_this_and_no_more(self) -> None:
        found = {f"{method} {path}" for method, path, name in self.cloud.router.routes if not name}
        self.assertEqual(found, OPEN)

    def test_without_a_token_every_other_route_is_shut(self) -> None:
        for method, pattern, _ in self.routes():
            for token in ("", "nonsense"):
                answer = self.ask(method, self.at(pattern, HOME), pattern, token, "default")
                self.assertEqual(answer.code, 401, f"{method} {pattern}")

    def test_each_persona_at_home(self) -> None:
        """Who is refused comes first, so that nothing they saw was changed."""
        wrong = []
        for method, pattern, name in self.routes():
            welcome = ELSE.get(f"{method} {pattern}", LET_IN[PERMISSIONS[name]])
            if f"{method} {pattern}" in OWN_ONLY:
                welcome = _EVERYBODY
            for persona in sorted(_EVERYBODY, key=lambda one: one in welcome):
                token = self.tokens[persona]
                answer = self.ask(method, self.at(pattern, HOME), pattern, token, "default")
                self.assertLess(answer.code, 500, f"{persona}: {method} {pattern}")
                if refused(answer) == (persona in welcome) or answer.code == 401:
                    wrong.append(f"{persona}: {method} {pattern} -> {answer.code}")
        self.assertEqual(wrong, [], "\n".join(wrong))

    def test_power_ends_at_the_border_of_domain_and_project(self) -> None:
        """Whatever names a user, group, project or domain of elsewhere."""
        wrong = []
        for method, pattern, name in self.routes():
            names_place = re.search(r"/v3/(OS-INHERIT/)?(users|groups|projects|domains)", pattern)
            listing = "<" not in pattern and method == "GET"
            everybody = PERMISSIONS[name] in (Rule.ANY_TOKEN, Rule.ROLE_READER)
            if not names_place or listing or everybody or "/domains/config/" in pattern:
                continue
            for persona in sorted(_EVERYBODY - ABROAD):
                token = self.tokens[persona]
                answer = self.ask(method, self.at(pattern, AWAY), pattern, token, "other")
                hidden = persona == "owner" and answer.code == 404  # her own, at another's path
                if not refused(answer) and not hidden:
                    wrong.append(f"{persona}: {method} {pattern} -> {answer.code}")
        self.assertEqual(wrong, [], "\n".join(wrong))
