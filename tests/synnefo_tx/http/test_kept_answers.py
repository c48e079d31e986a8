"""
Answers that are given again.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from synnefo_tx.http.kept_answers import LONGEST_S, KeptAnswers
from synnefo_tx.http.reply import json_reply


class Channel:
    """Takes what is written."""

    persistent = True

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


class Asked:
    """A request as far as it is looked at."""

    method = b"GET"
    startedWriting = code = 0

    def __init__(self, token: str = "a", subject: str = "b", uri: bytes = b"/x") -> None:
        self.uri = uri
        self.channel = Channel()
        self.requestHeaders = Headers({"X-Auth-Token": [token], "X-Subject-Token": [subject]})
        self.finished = False

    def finish(self) -> None:
        self.finished = True


class KeptAnswersTests(SynchronousTestCase):
    """One answer, kept at second 0 of mark 1."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.now: int | None = 1
        self.kept = KeptAnswers(lambda: self.now, self.clock.seconds, b"x-subject-token")
        reply = json_reply({"said": True}, 200, ("X-Subject-Token", "b"))
        self.kept.keep(Asked(), reply, 1, 60.0)

    def answers(self, request: Any = None) -> bool:
        return self.kept.answer(request or Asked())

    def test_the_same_again(self) -> None:
        """It is whole."""
        asked = Asked()
        self.assertTrue(self.answers(asked))
        head, _, body = asked.channel.written.partition(b"\r\n\r\n")
        self.assertEqual(body, b'{"said":true}')
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertIn(b"\r\nX-Subject-Token: b\r\n", head)
        self.assertIn(b"\r\nContent-Length: 13\r\n", head)
        self.assertTrue(asked.finished)

    def test_others_get_none(self) -> None:
        """Another caller, another token asked about, another URI, tokens in other places."""
        for other in (
            Asked(token="c"),
            Asked(subject="c"),
            Asked(uri=b"/x?nocatalog"),
            Asked("b", "a"),
            Asked("a\nb", ""),
        ):
            self.assertFalse(self.answers(other))

    def test_after_a_change(self) -> None:
        """It is never given again, also when the mark comes back."""
        self.now = 2
        self.assertFalse(self.answers())
        self.now = 1
        self.assertFalse(self.answers())

    def test_while_nobody_knows(self) -> None:
        """News has to be asked for first."""
        self.now = None
        self.assertFalse(self.answers())

    def test_too_old(self) -> None:
        """For a second and no longer."""
        self.clock.advance(LONGEST_S)
        self.assertFalse(self.answers())

    def test_a_change_while_it_was_made(self) -> None:
        """Is not kept, nor is one of an unknown time."""
        self.kept.keep(Asked("new"), json_reply({}), 0, 60.0)
        self.kept.keep(Asked("new"), json_reply({}), None, 60.0)
        self.assertFalse(self.answers(Asked("new")))

    def test_the_token_ends(self) -> None:
        """So does the answer about it."""
        self.kept.keep(Asked("short"), json_reply({}), 1, 0.5)
        self.clock.advance(0.5)
        self.assertFalse(self.answers(Asked("short")))

    def test_a_connection_that_ends(self) -> None:
        """Its answer has to say so, which ours do not."""
        asked = Asked()
        asked.channel.persistent = False
        self.assertFalse(self.answers(asked))
