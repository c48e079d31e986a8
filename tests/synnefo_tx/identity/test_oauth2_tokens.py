"""
Tokens for OAuth 2.0 clients.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.identity.rules.attempts import Limits
from tests.synnefo_tx.identity.asking import AskingCase
from tests.synnefo_tx.identity.cloud import Answer, identity_cloud

GRANT = {"grant_type": "client_credentials"}


class OAuth2TokenTests(AskingCase):
    def setUp(self) -> None:
        super().setUp()
        self.made()

    def made(self) -> None:
        body = {"application_credential": {"name": "robot", "secret": "s3cret:ü"}}
        answer = self.ask("POST", "/users/u-alice/application_credentials", body, self.alice)
        self.robot = answer.json["application_credential"]["id"]

    def give(self, form: dict[str, str], client: str = "", secret: str = "s3cret:ü") -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if client:
            coded = base64.b64encode(f"{client}:{secret}".encode()).decode()
            headers["Authorization"] = f"Basic {coded}"
        return self.cloud.ask(
            "POST", "/v3/OS-OAUTH2/token", body=urlencode(form).encode(), headers=headers
        )

    def lines(self) -> list[Any]:
        with self.cloud.database.engine.connect() as connection:
            return list(connection.execute(select(audit_log).order_by(audit_log.c.id)))

    def refused(self, answer: Answer, code: int, error: str) -> None:
        self.assertEqual((answer.code, answer.json["error"]), (code, error), answer.body)
        self.assertIn("error_description", answer.json)

    def test_a_token_of_the_application_credential(self) -> None:
        answer = self.give(GRANT, self.robot)
        self.assertEqual(answer.code, 200, answer.body)
        self.assertEqual((answer.json["token_type"], answer.json["expires_in"]), ("Bearer", 3600))
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        text = answer.json["access_token"]
        told = self.cloud.ask(
            "GET", "/v3/auth/tokens", self.admin, headers={"X-Subject-Token": text}
        ).json["token"]
        self.assertEqual((told["user"]["id"], told["project"]["id"]), ("u-alice", "p1"))
        self.assertEqual(told["application_credential"]["id"], self.robot)
        self.assertEqual(told["methods"], ["application_credential"])
        path = "/users/u-alice/application_credentials"
        body = {"application_credential": {"name": "more"}}
        self.assertEqual(self.ask("POST", path, body, text).code, 403)

    def test_id_and_secret_may_be_in_the_form(self) -> None:
        form = GRANT | {"client_id": self.robot, "client_secret": "s3cret:ü"}
        self.assertEqual(self.give(form).code, 200)

    def test_what_is_no_client(self) -> None:
        for answer in (
            self.give(GRANT),
            self.give(GRANT, self.robot, "guess"),
            self.give(GRANT, "nobody"),
            self.give(GRANT, self.robot, ""),
            self.give(GRANT | {"client_id": self.robot}),
            self.give(GRANT | {"client_id": "a\0b", "client_secret": "x"}),
        ):
            self.refused(answer, 401, "invalid_client")
            self.assertIn('Keystone uri="', answer.header("WWW-Authenticate"))

    def test_what_is_no_request(self) -> None:
        self.refused(self.give({}, self.robot), 400, "invalid_request")
        self.refused(
            self.give({"grant_type": "password"}, self.robot), 400, "unsupported_grant_type"
        )
        body = "&".join(f"a{n}=1" for n in range(50)).encode()
        self.refused(
            self.cloud.ask("POST", "/v3/OS-OAUTH2/token", body=body), 400, "invalid_request"
        )
        self.refused(
            self.cloud.ask("POST", "/v3/OS-OAUTH2/token", body=b"a=\xff"), 400, "invalid_request"
        )

    def test_whose_user_is_disabled(self) -> None:
        self.cloud.disable("user", "u-alice")
        self.refused(self.give(GRANT, self.robot), 401, "invalid_client")

    def test_wrong_secrets_are_limited(self) -> None:
        self.cloud = identity_cloud(self, limits=(Limits(3, 60), Limits(100, 60)))
        self.alice = self.cloud.token("alice", {"project": {"id": "p1"}})
        self.made()
        codes = [self.give(GRANT, self.robot, "guess").code for _ in range(5)]
        self.assertEqual(codes, [401, 401, 401, 429, 429])
        self.assertEqual(self.give(GRANT, self.robot).code, 429)

    def test_every_one_is_in_the_audit_log(self) -> None:
        self.give(GRANT, self.robot)
        self.give(GRANT, self.robot, "guess")
        self.give(GRANT, "nobody")
        given, refused, unknown = self.lines()[-3:]
        self.assertEqual((given.outcome, given.user_id), ("success", "u-alice"))
        self.assertEqual(given.details["application_credential_id"], self.robot)
        self.assertEqual((refused.outcome, refused.target_id), ("failure", "u-alice"))
        self.assertEqual((unknown.outcome, unknown.target_id), ("failure", ""))
        self.assertNotIn("guess", repr(self.lines()))
