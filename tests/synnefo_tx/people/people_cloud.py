"""
An identity service in memory, with an account service beside it where people sign up.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import frozen
from sqlalchemy import select
from treq.testing import StubTreq
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from synnefo_tx.account.api.routes import account_router
from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.routes import add_people
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.mail.tables import mail_queue
from synnefo_tx.people.rows.admission import PeopleAdmission
from synnefo_tx.people.rows.following import cloud_follower
from synnefo_tx.people.settings import SignUp
from tests.synnefo_tx.identity.cloud import Answer, identity_cloud

BASE = "https://cloud.example.org"
ACCOUNT = "http://cloud.test/account/v1.0/people"
EVE = {"name": "eve", "email": "eve@example.org", "password": "nobody knows this"}


@frozen
class Letter:
    """One that waits in the queue."""

    template: str
    to: str
    values: dict[str, str]

    @property
    def link(self) -> str:
        """The value in its URL."""
        return parse_qs(urlsplit(self.values["url"]).query)["link"][0]


class PeopleCase(SynchronousTestCase):
    """
    settings: of signing up.
    """

    settings = SignUp(open=True)
    policy = SecurityCompliance()

    def setUp(self) -> None:
        self.cloud = identity_cloud(
            self,
            follower=cloud_follower(True),
            admission=PeopleAdmission(),
            policy=self.policy,
        )
        self.people = People(self.cloud.context, self.settings, BASE)
        router = account_router(
            self.cloud.database,
            self.cloud.authenticator,
            self.cloud.clock,
            add_further=lambda router: add_people(router, self.people, Providers({}, {})),
        )
        self.root = Resource()
        self.root.putChild(b"account", router.resource())
        self.treq = StubTreq(self.root)

    def ask(
        self,
        method: str,
        path: str = "",
        body: Any = None,
        token: str = "",
        form: dict[str, str] | None = None,
        **headers: str,
    ) -> Answer:
        if token:
            headers["X-Auth-Token"] = token
        data = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            data = urlencode(form).encode()
        elif body is not None:
            headers["Content-Type"] = "application/json"
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = self.treq.request(
            method, ACCOUNT + path, headers=headers, data=data, allow_redirects=False
        )
        response = self.successResultOf(asked)
        self.treq.flush()
        content = self.successResultOf(response.content())
        return Answer(response.code, response.headers, content)

    def done(self, code: int, *args: Any, **more: Any) -> Any:
        """The JSON of an answer, which has the code."""
        answer = self.ask(*args, **more)
        self.assertEqual(answer.code, code, answer.body)
        return json.loads(answer.body) if answer.body else None

    def refused(self, code: int, *args: Any, **more: Any) -> str:
        """What the answer says."""
        [fault] = self.done(code, *args, **more).values()
        self.assertEqual(fault["code"], code)
        message: str = fault["message"]
        return message

    def log_in(self, name: str = "eve", password: str = EVE["password"]) -> tuple[int, str]:
        """Status, and the token or the reason."""
        answer = self.cloud.login(name, password=password)
        if answer.code == 201:
            return 201, answer.header("X-Subject-Token")
        return answer.code, answer.message

    def letters(self, template: str | None = None) -> list[Letter]:
        """Those that wait, in their order."""
        with self.cloud.database.engine.connect() as connection:
            rows = connection.execute(select(mail_queue)).all()
        found = [Letter(row.template, row.recipient, row.filling) for row in rows]
        return [one for one in found if template in (None, one.template)]

    def registered(self, **fields: Any) -> Letter:
        """The letter of a registration."""
        before = len(self.letters())
        self.done(202, "POST", body=EVE | fields)
        [letter] = self.letters()[before:]
        return letter

    def verified(self, **fields: Any) -> str:
        """The id of somebody whose address is verified."""
        letter = self.registered(**fields)
        name = (EVE | fields)["name"]
        self.done(200, "POST", "/verify", {"link": letter.link})
        admin = self.cloud.token("admin")
        found = self.cloud.ask("GET", f"/v3/users?name={name}", admin).json["users"]
        user_id: str = found[0]["id"]
        return user_id

    def audit(self, action: str) -> list[tuple[str, dict[str, Any]]]:
        """Target and details of the lines about the action."""
        wanted = select(audit_log).where(audit_log.c.action == action).order_by(audit_log.c.id)
        with self.cloud.database.engine.connect() as connection:
            return [(row.target_id, row.details) for row in connection.execute(wanted)]
