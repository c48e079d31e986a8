"""
Files that hold secrets.
"""

from __future__ import annotations

import stat
from pathlib import Path
from threading import Barrier, Thread

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.daemon.private_files import secret_in, write_private

TOGETHER = 8
ROUNDS = 20


class SecretTests(SynchronousTestCase):
    """A secret that several daemons share."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp())
        self.home.mkdir()

    def test_starting_together_all_get_the_same(self) -> None:
        """Whoever is first makes it; nobody reads a half, nobody replaces it."""
        for number in range(ROUNDS):
            path = self.home / f"secret-{number}"
            barrier = Barrier(TOGETHER)
            got: list[str] = []

            def start(path: Path = path, barrier: Barrier = barrier, got: list[str] = got) -> None:
                barrier.wait()
                got.append(secret_in(path))

            threads = [Thread(target=start) for _ in range(TOGETHER)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(got, [secret_in(path)] * TOGETHER)

    def test_private_and_alone(self) -> None:
        """Only we may read it, and nothing is left beside it."""
        path = self.home / "deep" / "secret"
        self.assertGreaterEqual(len(secret_in(path)), 40)
        write_private(path, "another\n")
        self.assertEqual(secret_in(path), "another")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(list(path.parent.iterdir()), [path])
