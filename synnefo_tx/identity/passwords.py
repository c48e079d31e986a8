"""
Passwords: Argon2id, hashed and checked off the reactor.
"""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from synnefo_tx.errors import Unavailable
from synnefo_tx.store.database import Defer

# OWASP's password storage cheat sheet, second line of its Argon2id table: 19 MiB, 2 passes, 1 lane.
# About 20 ms of one core; more lanes would let one login hold every core.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
MOST_WAITING = 256


class Passwords:
    """
    Hashes and checks with `defer`, which runs a callable in a thread.
    """

    def __init__(self, defer: Defer, most_waiting: int = MOST_WAITING) -> None:
        self._defer = defer
        self._most_waiting = most_waiting
        self._waiting = 0
        self._nobody = self.hash_now("the password of a user who does not exist")

    async def hash(self, password: str) -> str:
        """
        The hash to store.
        """
        return await self._defer(lambda: self.hash_now(password))

    @staticmethod
    def hash_now(password: str) -> str:
        """
        The same, in the calling thread, which it blocks for tens of milliseconds.
        """
        return _hasher.hash(password)

    async def verify(self, known_hash: str | None, password: str | None) -> bool:
        """
        Whether `password` belongs to `known_hash`.  Raises Unavailable when too many wait.

        A user who doesn't exist (None) costs as much time as one who does.
        """
        if self._waiting >= self._most_waiting:
            raise Unavailable("Too many logins at once. Try again later.")
        self._waiting += 1
        try:
            right = await self._defer(lambda: matches(known_hash or self._nobody, password or ""))
        finally:
            self._waiting -= 1
        return right and known_hash is not None and password is not None


def matches(known_hash: str, password: str) -> bool:
    """
    Whether `password` has this hash; computed in the calling thread.
    """
    try:
        return _hasher.verify(known_hash, password)
    except (VerificationError, InvalidHashError):
        return False
