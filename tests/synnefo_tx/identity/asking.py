"""
A test case that asks the identity API as its administrator.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.identity.cloud import Answer, identity_cloud


class AskingCase(SynchronousTestCase):
    """
    `admin`, `alice` and `bob` are tokens: of p1, p1 and p2.
    """

    def setUp(self) -> None:
        self.cloud = identity_cloud(self)
        self.admin = self.cloud.token("admin", {"project": {"id": "p1"}})
        self.alice = self.cloud.token("alice", {"project": {"id": "p1"}})
        self.bob = self.cloud.token("bob", {"project": {"id": "p2"}})

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> Answer:
        return self.cloud.ask(method, f"/v3{path}", token or self.admin, body)

    def make(self, noun: str, **fields: Any) -> dict[str, Any]:
        """
        A new thing, by POST /v3/<noun>s.
        """
        plural = "policies" if noun == "policy" else f"{noun}s"
        answer = self.ask("POST", f"/{plural}", {noun: fields})
        self.assertEqual(answer.code, 201, answer.body)
        made: dict[str, Any] = answer.json[noun]
        return made

    def told(self, answer: Answer, code: int, *parts: str) -> None:
        """
        The answer is an error with this code, and its text has these parts.
        """
        self.assertEqual(answer.code, code, answer.body)
        for part in parts:
            self.assertIn(part, answer.message)

    def later(self) -> None:
        """
        Past the second in which tokens were given, and past what workers remember.
        """
        self.cloud.now += 2

    def worth(self, token: str) -> int:
        """
        What the API answers to a token: 200 or 401.
        """
        return self.ask("GET", "/auth/projects", token=token).code
