"""
Each persona at each route of every other service: identity's are in test_every_route.

A route that is added is tried here by itself; one that everybody may call, or that asks for no
token, has to be named with the test that shows what it is good for.
"""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

from sqlalchemy import select
from treq.testing import StubTreq
from twisted.internet.defer import execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from synnefo_tx.account.api.routes import account_router
from synnefo_tx.admin.permissions_page import services
from synnefo_tx.compute.api.routes import compute_router
from synnefo_tx.events.api.routes import events_router
from synnefo_tx.events.hub import Hub
from synnefo_tx.http.router import Router
from synnefo_tx.identity.permissions import Rule
from synnefo_tx.image.api.routes import image_router
from synnefo_tx.network.api.routes import network_router
from synnefo_tx.openid.api.routes import openid_router
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.routes import add_people
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.settings import SignUp
from synnefo_tx.quota.rows import resources
from synnefo_tx.store.metadata import metadata
from synnefo_tx.volume.api.routes import volume_router
from tests.synnefo_tx.cloud_over import cloud_over
from tests.synnefo_tx.identity.cloud import identity_cloud
from tests.synnefo_tx.identity.personas import ROLES_AT, tokens_of_all

_EVERYBODY = {*ROLES_AT, "owner", "unscoped", "other user", "restricted"}
_ADMINS = {"project admin", "domain admin", "system admin"}
_MEMBERS = {"owner", "project member", "project manager", "project admin"}
# Who must be refused, by hand: not computed from the rules that it judges.
SHUT_OUT: dict[Rule, set[str]] = {
    Rule.ADMIN: _EVERYBODY - _ADMINS,
    Rule.ADMIN_OR_SERVICE: _EVERYBODY - _ADMINS - {"service"},
    Rule.MANAGER: _EVERYBODY - _ADMINS - {"project manager"},
    Rule.MEMBER: {"unscoped", "project reader", "other user", "restricted"},
    Rule.READER: {"unscoped"},
    Rule.ANY_TOKEN: set(),
}
_PEOPLE = "tests.synnefo_tx.people"
_ACCOUNT = "tests.synnefo_tx.account"
_OPENID = "tests.synnefo_tx.openid"
# Services that no token comes with, and writing that everybody with a token may ask for: what
# matches, and the tests that try to get more by it.
NAMED = {
    r"GET /(compute|network|image|volume)/?(v3/?)?": "tests.synnefo_tx.compute.test_discovery",
    r"GET /compute/v2.1/": "tests.synnefo_tx.compute.test_discovery",
    r"GET /image/versions": "tests.synnefo_tx.image.test_api",
    r"GET /account/v1.0/resources": f"{_ACCOUNT}.test_quotas_api.QuotaTests",
    r"GET /openid/(\.well-known/.*|keys)": f"{_OPENID}.test_journeys.JourneyTests",
    r"\w+ /openid/(authorize|log-in|consent)": f"{_OPENID}.test_hostile.BrowserTests",
    r"\w+ /openid/(token|revoke|introspect)": f"{_OPENID}.test_hostile.ClientTests",
    r"\w+ /openid/userinfo": f"{_OPENID}.test_hostile.CodeTests",
    r"DELETE /openid/v1/consents/<client_id>": f"{_OPENID}.test_journeys.JourneyTests",
    r"\w+ /account/v1.0/projects/memberships.*": f"{_ACCOUNT}.test_memberships_api.ModeratorTests",
    r"\w+ /account/v1.0/projects.*": f"{_ACCOUNT}.test_projects_api.RestTests",
    r"POST /account/v1.0/user_catalogs": f"{_ACCOUNT}.test_memberships_api.CatalogTests",
    r"POST /account/v1.0/myaccount/default_project": f"{_ACCOUNT}.test_memberships_api.LeaveTests",
    r"POST /account/v1.0/feedback": f"{_ACCOUNT}.test_memberships_api.NoticeTests",
    r"\w+ /account/v1.0/people(/verify(/again)?)?": f"{_PEOPLE}.test_registration",
    r"\w+ /account/v1.0/people/password/(forgotten|reset)": f"{_PEOPLE}.test_reset",
    r"\w+ /account/v1.0/people/email(/confirm)?": f"{_PEOPLE}.test_emails",
    r"\w+ /account/v1.0/people/terms.*": f"{_PEOPLE}.test_terms",
    r"POST /account/v1.0/people/second-factor.*": f"{_PEOPLE}.test_second_factor",
    r"POST /account/v1.0/people/methods/(password|remove)": f"{_PEOPLE}.external.test_methods",
    r"\w+ /account/v1.0/people/log-in.*": f"{_PEOPLE}.external",
}
PLACES = {"project_id": "p1", "user_id": "u-alice"}
WRITING = {"POST", "PUT", "PATCH", "DELETE"}


class EveryServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)
        self.cloud.write(resources.ensure)
        self.tokens = tokens_of_all(self.cloud)
        self.tables = {one.router.prefix: one.table for one in services()}
        root = Resource()
        self.routers = self.made()
        for router in self.routers:
            root.putChild(router.prefix.encode(), router.resource())
        self.treq: Any = StubTreq(root)

    def made(self) -> list[Router]:
        cloud = self.cloud
        given = cloud_over(cloud.database, cloud.authenticator, cloud.clock)
        people = People(cloud.context, SignUp(open=True), "http://cloud.test")
        return [
            compute_router(given),
            network_router(given),
            image_router(given, None, in_thread=execute),
            openid_router(cloud.context),
            volume_router(given),
            events_router(given, Hub(cloud.database, cloud.clock, Clock()), cloud.context.secrets),
            account_router(
                cloud.database,
                cloud.authenticator,
                cloud.clock,
                add_further=lambda router: add_people(router, people, Providers({}, {})),
            ),
        ]

    def routes(self) -> list[tuple[str, str, Rule | None]]:
        """
        Method, path from the cloud's root, and rule (None: no token is asked for).
        """
        return [
            (method, f"/{one.prefix}{path}", self.tables[one.prefix][name] if name else None)
            for one in self.routers
            for method, path, name in one.routes
        ]

    def ways(self) -> list[tuple[str, str, Rule, Any]]:
        """
        The same of what routes ask for besides, with the body that they ask it for.
        """
        return [
            (way.method, f"/{one.prefix}{way.pattern}", self.tables[one.prefix][name], way.body)
            for one in self.routers
            for way in one.ways
            for name in [way.permission]
        ]

    def ask(self, method: str, pattern: str, token: str, body: Any = None) -> tuple[int, bytes]:
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda part: PLACES.get(part[1], "nothing"), pattern)
        headers = {"Content-Type": "application/json"}
        if token:
            headers["X-Auth-Token"] = token
        data = json.dumps(body or {}).encode() if method in WRITING else None
        asked = self.treq.request(method, f"http://cloud.test{path}", headers=headers, data=data)
        self.treq.flush()
        response = self.successResultOf(asked)
        self.treq.flush()
        return response.code, self.successResultOf(response.content())

    def everything(self) -> dict[str, list[Any]]:
        with self.cloud.database.engine.connect() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(select(table))))
                for table in metadata.sorted_tables
            }

    def test_no_service_is_left_out(self) -> None:
        mine = {one.prefix for one in self.routers}
        self.assertEqual(set(self.tables) - mine, {"identity"})

    def test_without_a_token_every_route_is_shut(self) -> None:
        """
        But for those that need none, which change nothing unless they are asked rightly.
        """
        wrong = []
        for method, path, rule in self.routes():
            for token in ("", "nonsense"):
                code, _ = self.ask(method, path, token)
                if rule is not None and code != 401:
                    wrong.append(f"{method} {path} -> {code}")
        self.assertEqual(wrong, [], "\n".join(wrong))

    def test_who_has_too_little_is_refused(self) -> None:
        """
        At every route, and nothing changes.
        """
        before, wrong = self.everything(), []
        routes: list[Any] = [(*route, None) for route in self.routes()]
        for method, path, rule, sent in routes + self.ways():
            for persona in sorted(SHUT_OUT[rule] if rule else ()):
                code, body = self.ask(method, path, self.tokens[persona], sent)
                if code != 403:
                    told = f"{method} {path} {sent or ''} -> {code} {body[:80]!r}"
                    wrong.append(f"{persona}: {told}")
        self.assertEqual(wrong, [], "\n".join(wrong))
        self.assertEqual(self.everything(), before)

    def test_who_may_is_not_refused(self) -> None:
        """
        What the test above rests on: it is the persona that is refused.
        """
        wrong = []
        for method, path, rule in self.routes():
            if rule is None or rule is Rule.ANY_TOKEN:
                continue
            if path.startswith("/network/v2.0/quotas"):  # a list of all projects
                continue
            persona = "project admin" if rule in (Rule.ADMIN, Rule.ADMIN_OR_SERVICE) else "owner"
            code, body = self.ask(method, path, self.tokens[persona])
            if code in (401, 403):
                wrong.append(f"{method} {path} -> {code} {body[:80]!r}")
        self.assertEqual(wrong, [], "\n".join(wrong))

    def test_what_everybody_may_ask_for_has_a_test_of_its_own(self) -> None:
        """
        Open routes, and writing with any token.
        """
        open_to_all = [
            f"{method} {path}"
            for method, path, rule in self.routes()
            if rule is None or (rule is Rule.ANY_TOKEN and method in WRITING)
        ]
        missing = [
            one
            for one in open_to_all
            if method_of(one) != "OPTIONS" and not any(re.fullmatch(known, one) for known in NAMED)
        ]
        self.assertEqual(missing, [], "routes that nobody has tried to get more by")
        needless = [
            known for known in NAMED if not any(re.fullmatch(known, one) for one in open_to_all)
        ]
        self.assertEqual(needless, [])
        for name in NAMED.values():
            module, _, last = name.rpartition(".")
            if last[0].isupper():
                self.assertTrue(hasattr(importlib.import_module(module), last), name)
            else:
                importlib.import_module(name)


def method_of(route: str) -> str:
    """
    Of "GET /path".
    """
    return route.partition(" ")[0]
