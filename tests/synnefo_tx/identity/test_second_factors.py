"""
Second factors: codes, rules for several factors, and receipts.
"""

from __future__ import annotations

import base64
from typing import Any

from synnefo_tx.identity.rows import recovery
from synnefo_tx.identity.rules.recovery import digest_of, new_code
from synnefo_tx.identity.rules.totp import code_at
from tests.synnefo_tx.identity.asking import AskingCase
from tests.synnefo_tx.identity.cloud import Answer

KEY = b"12345678901234567890"
DENIED = "The request you have made requires authentication."


class FactorCase(AskingCase):
    def setUp(self) -> None:
        super().setUp()
        secret = base64.b32encode(KEY).decode()
        given = {"type": "totp", "blob": secret, "user_id": "u-alice"}
        self.factor = self.ask("POST", "/credentials", {"credential": given}, self.alice)

    def code(self, back: int = 0) -> str:
        return code_at(KEY, int(self.cloud.now) // 30 - back)

    def login(self, receipt: str = "", user: str = "u-alice", **proofs: str) -> Answer:
        """
        proofs: password, passcode.
        """
        methods: dict[str, Any] = {}
        if "password" in proofs:
            methods["password"] = {"user": {"id": user, "password": proofs["password"]}}
        if "passcode" in proofs:
            methods["totp"] = {"user": {"id": user, "passcode": proofs["passcode"]}}
        body = {"auth": {"identity": {"methods": list(methods), **methods}}}
        headers = {"Openstack-Auth-Receipt": receipt} if receipt else {}
        return self.cloud.ask("POST", "/v3/auth/tokens", body=body, headers=headers)


class CodeTests(FactorCase):
    def test_a_code_logs_in_once(self) -> None:
        first = self.login(passcode=self.code())
        self.assertEqual((first.code, first.json["token"]["methods"]), (201, ["totp"]))
        again = self.login(passcode=self.code())
        self.assertEqual((again.code, again.message), (401, DENIED))
        self.cloud.now += 30
        self.assertEqual(self.login(passcode=self.code(back=1)).code, 401)
        self.assertEqual(self.login(passcode=self.code()).code, 201)

    def test_the_code_before_is_good_and_no_older_one(self) -> None:
        self.assertEqual(self.login(passcode=self.code(back=2)).code, 401)
        self.assertEqual(self.login(passcode=self.code(back=1)).code, 201)
        self.assertEqual(self.login(passcode=self.code()).code, 201)

    def test_refusals_are_alike(self) -> None:
        wrong = "000000" if self.code() != "000000" else "111111"
        for answer in (
            self.login(passcode=wrong),
            self.login(passcode=""),
            self.login(passcode=self.code(), user="u-bob"),
            self.login(passcode=self.code(), user="nobody"),
        ):
            self.assertEqual((answer.code, answer.message), (401, DENIED))

    def test_a_wrong_password_uses_up_no_code(self) -> None:
        self.assertEqual(self.login(password="wrong", passcode=self.code()).code, 401)
        both = self.login(password="battery staple", passcode=self.code())
        self.assertEqual((both.code, both.json["token"]["methods"]), (201, ["password", "totp"]))

    def test_the_use_of_a_code_is_not_for_clients_to_see_or_undo(self) -> None:
        self.login(passcode=self.code())
        path = f"/credentials/{self.factor.json['credential']['id']}"
        self.assertNotIn("totp_used", self.ask("GET", path, token=self.alice).json["credential"])
        self.ask("PATCH", path, {"credential": {"totp_used": 0, "note": "mine"}}, self.alice)
        self.assertEqual(self.login(passcode=self.code()).code, 401)


class ReceiptTests(FactorCase):
    def setUp(self) -> None:
        super().setUp()
        self.rules([["password", "totp"]])

    def rules(self, rules: Any, **options: Any) -> None:
        options |= {"multi_factor_auth_rules": rules}
        answer = self.ask("PATCH", "/users/u-alice", {"user": {"options": options}})
        self.assertEqual(answer.code, 200, answer.body)

    def test_one_factor_of_two_gives_a_receipt(self) -> None:
        answer = self.login(password="battery staple")
        self.assertEqual(answer.code, 401)
        self.assertEqual(
            answer.json,
            {
                "receipt": {
                    "methods": ["password"],
                    "user": {
                        "id": "u-alice",
                        "name": "alice",
                        "domain": {"id": "default", "name": "Default"},
                    },
                    "expires_at": "2027-01-15T08:05:00.000000Z",
                    "issued_at": "2027-01-15T08:00:00.000000Z",
                },
                "required_auth_methods": [["password", "totp"]],
            },
        )
        receipt = answer.header("Openstack-Auth-Receipt")
        second = self.login(receipt, passcode=self.code())
        self.assertEqual(second.code, 201, second.body)
        self.assertEqual(set(second.json["token"]["methods"]), {"password", "totp"})

    def test_a_receipt_is_good_for_its_user_and_its_time(self) -> None:
        receipt = self.login(password="battery staple").header("Openstack-Auth-Receipt")
        self.assertEqual(self.login(receipt, user="u-bob", password="tr0ub4dor").code, 401)
        self.assertEqual(self.login(receipt[:-6] + "xxxxxx", passcode=self.code()).code, 401)
        self.assertEqual(self.login(self.alice, passcode=self.code()).code, 401)
        self.cloud.now += 300
        self.assertEqual(self.login(receipt, passcode=self.code()).code, 401)

    def test_a_receipt_is_no_token(self) -> None:
        receipt = self.login(password="battery staple").header("Openstack-Auth-Receipt")
        self.assertEqual(self.worth(receipt), 401)

    def test_a_wrong_password_gives_none(self) -> None:
        answer = self.login(password="wrong")
        self.assertEqual((answer.code, answer.message), (401, DENIED))
        self.assertEqual(answer.header("Openstack-Auth-Receipt"), "")

    def test_a_token_of_both_leads_to_another(self) -> None:
        both = self.login(password="battery staple", passcode=self.code())
        token = both.header("X-Subject-Token")
        self.assertEqual(self.cloud.authenticate(token={"id": token}).code, 201)

    def test_any_rule_will_do_and_rules_can_be_off(self) -> None:
        self.rules([["password", "totp"], ["password"]])
        self.assertEqual(self.login(password="battery staple").code, 201)
        self.rules([["password", "totp"]], multi_factor_auth_enabled=False)
        self.assertEqual(self.login(password="battery staple").code, 201)

    def test_rules_of_unknown_methods_alone_lock_nobody_out(self) -> None:
        self.rules([["carrier pigeon"]])
        self.assertEqual(self.login(password="battery staple").code, 201)
        self.rules([["carrier pigeon", "totp"]])
        self.assertEqual(self.login(password="battery staple").code, 401)
        self.assertEqual(self.login(passcode=self.code()).code, 201)

    def test_a_log_in_elsewhere_is_a_factor_that_rules_may_ask_for(self) -> None:
        """A code alone is no answer to a rule that asks for another provider as well."""
        self.rules([["openid", "totp"]])
        self.assertEqual(self.login(passcode=self.code()).code, 401)


class RecoveryTests(FactorCase):
    """Codes for those who have lost the other thing."""

    def setUp(self) -> None:
        super().setUp()
        self.codes = [new_code() for _ in range(2)]
        digests = [digest_of(one) or "" for one in self.codes]
        self.cloud.write(recovery.renew, "u-alice", digests)

    def test_a_code_is_good_once(self) -> None:
        """However it is typed."""
        typed = self.codes[0].lower().replace("-", " ")
        both = self.login(password="battery staple", passcode=typed)
        self.assertEqual((both.code, both.json["token"]["methods"]), (201, ["password", "totp"]))
        self.assertEqual(self.login(passcode=self.codes[0]).code, 401)
        self.assertEqual(self.cloud.write(recovery.left, "u-alice"), 1)

    def test_it_is_its_owner_s(self) -> None:
        """Nobody else's, and refusals are alike."""
        for user in ("u-bob", "nobody"):
            answer = self.login(passcode=self.codes[0], user=user)
            self.assertEqual((answer.code, answer.message), (401, DENIED))
        self.assertEqual(self.cloud.write(recovery.left, "u-alice"), 2)

    def test_a_wrong_password_uses_up_none(self) -> None:
        """As with other codes."""
        self.login(password="wrong", passcode=self.codes[0])
        self.assertEqual(self.cloud.write(recovery.left, "u-alice"), 2)

    def test_others_are_none(self) -> None:
        """What no code looks like, and what does."""
        self.assertIsNone(digest_of("ABCD-EFGH-IJKL-MN01"))
        self.assertIsNone(digest_of("492039"))
        self.assertEqual(self.login(passcode=new_code()).code, 401)

    def test_they_go_with_their_user(self) -> None:
        """Nothing is left of who is gone."""
        self.assertEqual(self.ask("DELETE", "/users/u-alice").code, 204)
        self.assertEqual(self.cloud.write(recovery.left, "u-alice"), 0)
