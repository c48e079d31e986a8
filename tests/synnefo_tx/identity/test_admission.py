"""
Who has the right secret and is not let in is told why; nobody else learns anything.
"""

from __future__ import annotations

from attrs import field, mutable
from sqlalchemy import Connection
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from synnefo_tx.identity.admission import Everybody, IAdmission
from tests.synnefo_tx.identity.cloud import identity_cloud

DENIED = "The request you have made requires authentication."
WHY = "She is not let in."


@implementer(IAdmission)
@mutable
class Doorkeeper:
    """
    refused: ids of users.
    """

    refused: set[str] = field(factory=set)

    def why_not(self, connection: Connection, user_id: str) -> str:
        return WHY if user_id in self.refused else ""


class AdmissionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.doorkeeper = Doorkeeper()
        self.cloud = identity_cloud(self, admission=self.doorkeeper)
        self.before = self.cloud.token("alice")
        self.doorkeeper.refused.add("u-alice")

    def told(self, **more: str) -> tuple[int, str]:
        answer = self.cloud.login("alice", **more)
        return answer.code, answer.message

    def test_interface(self) -> None:
        verifyObject(IAdmission, self.doorkeeper)
        verifyObject(IAdmission, Everybody())

    def test_the_reason_is_told_for_the_right_secret(self) -> None:
        self.assertEqual(self.told(), (401, WHY))

    def test_a_wrong_secret_is_told_nothing(self) -> None:
        self.assertEqual(self.told(password="wrong"), (401, DENIED))

    def test_others_are_let_in(self) -> None:
        self.assertEqual(self.cloud.login("bob").code, 201)

    def test_a_disabled_user_who_is_refused_is_told_why(self) -> None:
        """One who is only disabled is told nothing."""
        self.cloud.disable("user", "u-alice")
        self.assertEqual(self.told(), (401, WHY))
        self.assertEqual(self.told(password="wrong"), (401, DENIED))
        self.doorkeeper.refused.clear()
        self.assertEqual(self.told(), (401, DENIED))

    def test_in_a_disabled_domain_nobody_is_told_anything(self) -> None:
        self.cloud.disable("domain", "default")
        self.assertEqual(self.told(), (401, DENIED))

    def test_tokens_need_no_admission(self) -> None:
        """They end when the user's tokens are ended."""
        answer = self.cloud.authenticate(token={"id": self.before})
        self.assertEqual(answer.code, 201)

    def test_a_token_beside_the_password_opens_nothing(self) -> None:
        user = {"id": "u-alice", "password": "battery staple"}
        answer = self.cloud.authenticate(token={"id": self.before}, password={"user": user})
        self.assertEqual((answer.code, answer.message), (401, WHY))

    def test_who_owes_a_second_factor_is_asked_for_it_first(self) -> None:
        rules = {"multi_factor_auth_rules": [["password", "totp"]]}
        self.cloud.change("user", "u-alice", {"options": rules})
        answer = self.cloud.login("alice")
        self.assertEqual(answer.code, 401)
        self.assertTrue(answer.header("Openstack-Auth-Receipt"))
        self.assertNotIn(WHY, answer.body.decode())
