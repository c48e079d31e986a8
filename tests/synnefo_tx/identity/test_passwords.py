"""
Passwords: hashed well, checked elsewhere, and as slowly for those who don't exist.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import Unavailable
from synnefo_tx.identity.passwords import Passwords


class PasswordsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.passwords = Passwords(execute)

    def verify(self, known_hash: str | None, password: str | None) -> bool:
        right: bool = self.successResultOf(
            Deferred.fromCoroutine(self.passwords.verify(known_hash, password))
        )
        return right

    def test_the_right_password_and_no_other(self) -> None:
        known = self.successResultOf(Deferred.fromCoroutine(self.passwords.hash("пароль ☃")))
        self.assertTrue(known.startswith("$argon2id$"))
        self.assertTrue(self.verify(known, "пароль ☃"))
        for wrong in ("пароль", "", None, "x" * 10_000):
            self.assertFalse(self.verify(known, wrong))

    def test_the_same_password_has_another_hash_each_time(self) -> None:
        self.assertNotEqual(Passwords.hash_now("x"), Passwords.hash_now("x"))

    def test_a_hash_that_is_none_matches_nothing(self) -> None:
        for broken in ("", "!", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$", "$2b$12$abc"):
            self.assertFalse(self.verify(broken, broken))

    def test_nobody_has_no_password(self) -> None:
        """
        Not even the one behind the hash that is checked in place of a missing one.
        """
        self.assertFalse(self.verify(None, "the password of a user who does not exist"))

    def test_an_unknown_user_costs_the_same_work(self) -> None:
        """
        Measured in time of the processor, which others on the machine do not change much.
        """

        def quickest(known_hash: str | None) -> float:
            took = []
            for _ in range(5):
                begun = time.thread_time()
                self.verify(known_hash, "y")
                took.append(time.thread_time() - begun)
            return min(took)

        known, unknown = quickest(Passwords.hash_now("x")), quickest(None)
        self.assertLess(abs(known - unknown), 0.5 * max(known, unknown))

    def test_too_many_at_once_are_turned_away(self) -> None:
        waiting: list[Deferred[Any]] = []

        def later(job: Callable[[], Any]) -> Deferred[Any]:
            waiting.append(Deferred().addCallback(lambda _: job()))
            return waiting[-1]

        passwords = Passwords(later, most_waiting=2)
        known = Passwords.hash_now("x")
        first, second = (Deferred.fromCoroutine(passwords.verify(known, "x")) for _ in range(2))
        self.failureResultOf(Deferred.fromCoroutine(passwords.verify(known, "x")), Unavailable)
        waiting[0].callback(None)
        self.assertTrue(self.successResultOf(first))
        third = Deferred.fromCoroutine(passwords.verify(known, "x"))
        for one in waiting[1:]:
            one.callback(None)
        self.assertTrue(self.successResultOf(second))
        self.assertTrue(self.successResultOf(third))
