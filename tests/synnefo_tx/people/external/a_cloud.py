"""
An identity service in memory, with an account service beside it where people log in by others.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from sqlalchemy import select
from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from synnefo_tx.account.api.routes import account_router
from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.routes import add_people
from synnefo_tx.people.external.api.admission import settle_in
from synnefo_tx.people.external.ldap.passwords import DirectoryPasswords
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.rows.admission import PeopleAdmission
from synnefo_tx.people.rows.following import cloud_follower
from synnefo_tx.people.settings import SignUp
from tests.synnefo_tx.identity.cloud import Answer, identity_cloud

ACCOUNT = "http://cloud.test/account/v1.0/people"


class LogInCase(SynchronousTestCase):
    """
    `browser`: the cookies that it has.  more: of the identity service.
    """

    more: ClassVar[dict[str, Any]] = {}

    def stand(self, providers: Providers) -> None:
        self.cloud = identity_cloud(
            self,
            admission=PeopleAdmission(),
            follower=cloud_follower(personal_projects=False),
            **self.more,
        )
        self.context = self.cloud.context
        self.settle = settle_in(self.context)
        if providers.ldap:
            self.context.gate.elsewhere = DirectoryPasswords(providers, self.settle)
        people = People(self.context, SignUp(), "https://cloud.test")
        router = account_router(
            self.cloud.database,
            self.cloud.authenticator,
            self.cloud.clock,
            add_further=lambda router: add_people(router, people, providers),
        )
        self.root = Resource()
        self.root.putChild(b"account", router.resource())
        self.browser: dict[str, str] = {}
        self.flush_further: Any = lambda: None

    def ask(
        self, method: str, path: str, token: str = "", body: Any = None, **query: str
    ) -> Answer:
        return self.ask_at(f"{ACCOUNT}/log-in{path}", method, token, body, {}, query)

    def ask_at(
        self,
        url: str,
        method: str,
        token: str = "",
        body: Any = None,
        more: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Answer:
        headers = ({"X-Auth-Token": token} if token else {}) | (more or {})
        if self.browser:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.browser.items())
        if body is not None:
            headers["Content-Type"] = "application/json"
        account = StubTreq(self.root)  # a new one each time: it keeps cookies of its own
        asked = account.request(
            method,
            url,
            headers=headers,
            params=query or {},
            data=None if body is None else json.dumps(body).encode(),
        )
        for _ in range(4):
            self.flush_further()
            account.flush()
        response = self.successResultOf(asked)
        account.flush()
        content = self.successResultOf(response.content())
        for line in response.headers.getRawHeaders("set-cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.browser[name] = value
        return Answer(response.code, response.headers, content)

    def user(self, answer: Answer) -> dict[str, Any]:
        """
        The user of the token in an answer.
        """
        self.assertEqual(answer.code, 201, answer.body)
        token = self.cloud.tokens.open(answer.header("X-Subject-Token"))
        found: dict[str, Any] = self.cloud.write(things.fetch, USER, token.user_id)
        return found

    def audit(self) -> list[tuple[str, str, str]]:
        """
        Action, outcome and target of the lines so far, log-ins of the test itself left out.
        """
        wanted = select(audit_log).order_by(audit_log.c.id)
        with self.cloud.database.engine.connect() as connection:
            return [(row.action, row.outcome, row.target_id) for row in connection.execute(wanted)]

    def result(self, coroutine: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))
