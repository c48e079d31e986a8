"""
Token keys that are rotated while workers run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.key_watch import LOOK_EVERY_S, KeyWatch
from synnefo_tx.identity.keys import UnsafeKey, load_or_create_keys, rotate_keys
from synnefo_tx.identity.token import Token
from synnefo_tx.identity.tokens import TokenBox
from tests.synnefo_tx.identity.cloud import START, identity_cloud
from tests.synnefo_tx.identity.test_tokens import a_token


class KeyWatchTests(SynchronousTestCase):
    """
    `self.worker` checks what `sealed` by another process, which has the directory's present keys.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.clock = Clock()
        self.clock.advance(START)
        self.looks = 0
        self.tokens = TokenBox(load_or_create_keys(self.folder), self.clock.seconds)
        self.watch = KeyWatch(
            self.folder, self.tokens, self.counted, self.clock.seconds, self.clock
        )
        database = identity_cloud(self).database
        self.worker = Authenticator(database, self.tokens, self.clock.seconds, keys=self.watch)

    def counted(self, job: Any) -> Any:
        self.looks += 1
        return execute(job)

    def sealed(self) -> str:
        box = TokenBox(load_or_create_keys(self.folder), self.clock.seconds)
        now = int(self.clock.seconds())
        return box.seal(a_token(issued_at=now, expires_at=now + 3600))

    def works(self, text: str) -> bool:
        outcome: list[Any] = []
        Deferred.fromCoroutine(self.worker(text)).addBoth(outcome.append)
        if isinstance(outcome[0], Token):
            return True
        outcome[0].trap(NotAuthenticated)
        return False

    def test_a_running_worker_learns_new_keys_and_nobody_is_logged_out(self) -> None:
        self.watch.startService()
        self.addCleanup(self.watch.stopService)
        texts = [self.sealed()]
        for _ in range(2):
            rotate_keys(self.folder, keep=4)
            self.clock.advance(LOOK_EVERY_S)
            texts.append(self.sealed())
            self.assertEqual(self.tokens.keys, tuple(load_or_create_keys(self.folder)))
            self.assertEqual([self.works(text) for text in texts], [True] * len(texts))

    def test_a_token_of_a_key_not_yet_known_makes_it_look_at_once(self) -> None:
        rotate_keys(self.folder)
        rotate_keys(self.folder)
        self.assertTrue(self.works(self.sealed()))
        self.assertEqual(self.looks, 1)

    def test_what_is_no_token_is_looked_for_once_a_second(self) -> None:
        for _ in range(20):
            self.assertFalse(self.works("garbage"))
        self.assertEqual(self.looks, 1)
        self.clock.advance(1)
        self.assertFalse(self.works("garbage"))
        self.assertEqual(self.looks, 2)

    def test_a_key_that_is_taken_away_opens_nothing(self) -> None:
        text = self.sealed()
        self.assertTrue(self.works(text))
        for _ in range(3):
            rotate_keys(self.folder)
        self.clock.advance(2)
        self.assertFalse(self.works("garbage"))
        self.assertFalse(self.works(text))

    def test_keys_that_can_not_be_read_leave_those_known(self) -> None:
        text = self.sealed()
        (self.folder / "9").write_bytes(Fernet.generate_key())
        (self.folder / "9").chmod(0o644)
        self.assertFalse(self.works("garbage"))
        self.assertEqual(len(self.flushLoggedErrors(UnsafeKey)), 1)
        self.assertTrue(self.works(text))
        (self.folder / "9").chmod(0o600)
        self.clock.advance(1)
        self.assertTrue(self.works(self.sealed()))
