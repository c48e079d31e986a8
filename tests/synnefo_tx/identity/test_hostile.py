"""
Bodies nobody should send, and secrets nobody should see.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.identity.cloud import SECRETS, identity_cloud

WORDS = (
    "identity", "methods", "password", "token", "user", "id", "name", "domain", "scope", "project",
    "system", "all", "unscoped", "OS-TRUST:trust", "u-alice", "alice", "default", "p1", "",
)  # fmt: skip
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=5)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)


class HostileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)

    @settings(max_examples=150)
    @given(values)
    def test_no_body_is_an_internal_error(self, auth: Any) -> None:
        answer = self.cloud.ask("POST", "/v3/auth/tokens", body={"auth": auth})
        self.assertIn(answer.code, (400, 401, 404))

    @settings(max_examples=150)
    @given(user=values, token=values, scope=values)
    def test_no_part_of_a_login_is_an_internal_error(
        self, user: Any, token: Any, scope: Any
    ) -> None:
        auth = {
            "identity": {
                "methods": ["password", "token"],
                "password": {"user": user},
                "token": token,
            },
            "scope": scope,
        }
        answer = self.cloud.ask("POST", "/v3/auth/tokens", body={"auth": auth})
        self.assertIn(answer.code, (400, 401, 404))

    def test_no_depth_is_an_internal_error(self) -> None:
        """
        Neither of the whole nor of a part of it.
        """
        for depth in (100, 400, 800, 900, 950, 1000, 50_000):
            deep = b"[" * depth + b"]" * depth
            for text in (b"%s", b'{"auth":%s}', b'{"auth":{"identity":{"methods":%s}}}'):
                answer = self.cloud.ask("POST", "/v3/auth/tokens", body=text % deep)
                self.assertEqual(answer.code, 400, (depth, text))

    @settings(max_examples=60)
    @given(st.binary(max_size=60))
    def test_no_bytes_are_an_internal_error(self, body: bytes) -> None:
        answer = self.cloud.ask("POST", "/v3/auth/tokens", body=body or b"x")
        self.assertEqual(answer.code, 400)

    @settings(max_examples=60)
    @given(st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), max_size=40))
    def test_no_token_text_is_an_internal_error(self, text: str) -> None:
        self.assertEqual(self.cloud.ask("GET", "/v3/auth/projects", text).code, 401)

    def test_a_log_holds_no_password_and_no_token(self) -> None:
        """
        Neither when all goes well, nor at refusals, nor when the database breaks.
        """
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        token = self.cloud.token("alice")
        self.cloud.login("alice", password=SECRETS["bob"])
        self.cloud.authenticate(token={"id": token}, password={"user": 1})

        async def broken(*_: Any) -> None:
            raise OSError("the database is away")

        self.cloud.database.read = broken  # type: ignore[method-assign, assignment]
        self.assertEqual(self.cloud.login("alice").code, 500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        failures = [event["log_failure"] for event in events if "log_failure" in event]
        told = "\n".join(
            [formatEvent(event) for event in events]
            + [failure.getTraceback(detail="verbose") for failure in failures]
        )
        self.assertIn("the database is away", told)
        for secret in (*SECRETS.values(), token):
            self.assertNotIn(secret, told)
