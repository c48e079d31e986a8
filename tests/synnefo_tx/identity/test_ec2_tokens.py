"""
/v3/ec2tokens and /v3/s3tokens: the token of who signed a request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.identity.rules.attempts import Limits
from synnefo_tx.identity.throttle import Throttle
from tests.synnefo_tx.identity.cloud import Answer
from tests.synnefo_tx.identity.test_application_credentials import CredentialCase

EC2 = "/users/u-alice/credentials/OS-EC2"


class SignedCase(CredentialCase):
    def setUp(self) -> None:
        super().setUp()
        self.pair = self.ask("POST", EC2, {"tenant_id": "p1"}, self.alice).json["credential"]

    def signed(self, pair: Any = None, **params: str) -> dict[str, Any]:
        """
        A request by EC2's second version, signed here and not by the code that is tested.
        """
        pair = pair or self.pair
        params = {"Action": "Describe", "SignatureVersion": "2"} | params
        query = "&".join(f"{name}={params[name]}".replace(":", "%3A") for name in sorted(params))
        text = f"GET\ncloud.test\n/services/Cloud\n{query}"
        digest = hmac.new(pair["secret"].encode(), text.encode(), hashlib.sha256).digest()
        return {
            "access": pair["access"],
            "signature": base64.b64encode(digest).decode(),
            "host": "cloud.test",
            "verb": "GET",
            "path": "/services/Cloud",
            "params": params,
        }

    def show(self, request: Any, token: str = "", path: str = "/ec2tokens") -> Answer:
        return self.ask("POST", path, {"credentials": request}, token or self.admin)


class Ec2TokenTests(SignedCase):
    def test_the_signer_s_token_is_given(self) -> None:
        answer = self.show(self.signed())
        token = answer.json["token"]
        self.assertEqual((answer.code, token["methods"]), (200, ["ec2credential"]))
        self.assertEqual((token["user"]["id"], token["project"]["id"]), ("u-alice", "p1"))
        self.assertEqual(self.worth(answer.header("X-Subject-Token")), 200)

    def test_it_is_in_the_audit_log(self) -> None:
        self.show(self.signed())
        self.show(self.signed() | {"signature": "x"})

        def logged(connection: Connection) -> list[Any]:
            return list(connection.execute(select(audit_log).order_by(audit_log.c.id)))

        lines = self.cloud.write(logged)[-2:]
        self.assertEqual([line.outcome for line in lines], ["success", "failure"])
        self.assertEqual({line.target_id for line in lines}, {"u-alice"})
        self.assertEqual(lines[1].details["reason"], "NotAuthenticated")

    def test_only_services_and_administrators_may_ask(self) -> None:
        self.assertEqual(self.show(self.signed(), self.alice).code, 403)
        self.assertEqual(self.show(self.signed(), self.alice, "/s3tokens").code, 403)

    def test_what_is_refused(self) -> None:
        unknown = {"access": "0" * 32, "secret": "x"}
        wrong = self.pair | {"secret": "x"}
        for request, code, told in (
            (self.signed(unknown), 404, "EC2 access key not found."),
            (self.signed(wrong), 401, "Invalid EC2 signature."),
            (self.signed() | {"signature": None}, 400, "signature"),
            (self.signed() | {"signature": ""}, 401, "EC2 signature not supplied."),
            ({"signature": "x"}, 401, "EC2 Signature not supplied"),
            (self.signed(Timestamp="2027-01-15T07:44:00"), 401, "Credential is expired"),
            (self.signed(Timestamp="yesterday"), 401, "Credential timestamp is invalid"),
        ):
            self.told(self.show(request), code, told)
        self.assertEqual(self.show(self.signed(Timestamp="2027-01-15T07:50:00Z")).code, 200)

    def test_a_deleted_key_a_disabled_user_and_a_lost_role(self) -> None:
        self.cloud.disable("user", "u-alice")
        self.assertEqual(self.show(self.signed()).code, 401)
        self.ask("PATCH", "/users/u-alice", {"user": {"enabled": True}})
        self.assertEqual(self.show(self.signed()).code, 200)
        self.ask("DELETE", "/projects/p1/users/u-alice/roles/role-member")
        self.assertEqual(self.show(self.signed()).code, 401)
        self.ask("DELETE", f"{EC2}/{self.pair['access']}")
        self.assertEqual(self.show(self.signed()).code, 404)

    def test_a_key_made_by_an_application_credential_gives_its_limits(self) -> None:
        rule = {"service": "identity", "method": "POST", "path": "/v3/users/**"}
        made = self.made(unrestricted=True, access_rules=[rule])
        pair = self.ask("POST", EC2, {"tenant_id": "p1"}, self.token_of(made)).json["credential"]
        answer = self.show(self.signed(pair))
        self.assertEqual(answer.json["token"]["application_credential"]["id"], made["id"])
        self.assertEqual(self.worth(answer.header("X-Subject-Token")), 401)
        self.ask("DELETE", f"/users/u-alice/application_credentials/{made['id']}")
        self.assertEqual(self.show(self.signed(pair)).code, 401)

    def test_s3(self) -> None:
        text = b"GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/bucket/key"
        digest = hmac.new(self.pair["secret"].encode(), text, hashlib.sha1).digest()
        request = {
            "access": self.pair["access"],
            "signature": base64.b64encode(digest).decode(),
            "token": base64.urlsafe_b64encode(text).decode(),
        }
        answer = self.show(request, path="/s3tokens")
        self.assertEqual((answer.code, answer.json["token"]["user"]["id"]), (200, "u-alice"))
        self.assertEqual(answer.header("X-Subject-Token"), "")
        self.assertEqual(self.show(request | {"signature": "x"}, path="/s3tokens").code, 401)


class Ec2LimitTests(SignedCase):
    def setUp(self) -> None:
        super().setUp()
        context = self.cloud.context
        limited = Throttle(self.cloud.clock, Limits(3, 60), Limits(10**6, 1))
        context.gate.throttle = limited

    def test_wrong_signatures_are_counted_for_each_key(self) -> None:
        other = self.ask("POST", EC2, {"tenant_id": "p1"}, self.alice).json["credential"]
        wrong = self.signed() | {"signature": "x"}
        codes = [self.show(wrong).code for _ in range(4)]
        self.assertEqual(codes, [401, 401, 401, 429])
        self.assertEqual(self.show(self.signed()).code, 429)
        self.assertEqual(self.show(self.signed(other)).code, 200)
