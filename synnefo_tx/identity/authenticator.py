"""
From the text in X-Auth-Token to its meaning, with what was revoked held in memory.

No database read per call: every `refresh_s` the first call asks for news, and those that come
meanwhile wait for the same answer.  A token revoked by this worker is refused at once, one that
another worker revoked within refresh_s.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.faults import (
    SubjectNotFound,
    TokenExpired,
    TokenGarbled,
    TokenRevoked,
)
from synnefo_tx.identity.key_watch import KeyWatch
from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.refreshed import Refreshed
from synnefo_tx.identity.rows import revocations
from synnefo_tx.identity.rules.revoked import Revoked
from synnefo_tx.identity.token import Token
from synnefo_tx.identity.tokens import ALLOW_EXPIRED_S, TokenBox
from synnefo_tx.store.database import Database

FORGET_EVERY_S = 60.0


class Authenticator:
    """
    The Router's `authenticate`.  clock: seconds since the epoch.  keys: looks for new ones.
    """

    def __init__(
        self,
        database: Database,
        tokens: TokenBox,
        clock: Callable[[], float],
        refresh_s: float = 1.0,
        keys: KeyWatch | None = None,
    ) -> None:
        self._keys = keys
        self._database = database
        self._tokens = tokens
        self._clock = clock
        self._revoked = Revoked()
        self._forgot_at = 0.0
        self._changes = 0
        self._news = Refreshed(self._ask, clock, refresh_s)

    def startService(self) -> None:
        """
        Nothing to start: news is asked for by the calls that need it.
        """

    def stopService(self) -> Deferred[None]:
        """
        Fires when no question to the database is open any more.
        """
        return self._news.stop()

    async def __call__(self, text: str) -> Token:
        """
        The token that `text` is.  Raises NotAuthenticated.
        """
        try:
            return await self.check(text)
        except NotAuthenticated as error:
            raise NotAuthenticated from error  # one text for all: why is nobody's business

    async def check(self, text: str, window_s: int = 0) -> Token:
        """
        The token that `text` is.  Raises TokenGarbled, TokenExpired or TokenRevoked.

        window_s: how long past its end it still counts, seconds.
        """
        token = await self._opened(text, window_s)
        await self._news.get()
        if self._revoked.refuses(token):
            raise TokenRevoked
        return token

    async def subject(self, text: str, window_s: int = 0) -> Token:
        """
        As `check`, for a token that is asked about and not used.  Raises SubjectNotFound.
        """
        if not text:
            raise SubjectNotFound("No token in the request")
        try:
            return await self.check(text, window_s)
        except TokenGarbled as error:
            raise SubjectNotFound("Could not recognize Fernet token") from error
        except (TokenExpired, TokenRevoked) as error:
            raise SubjectNotFound("Failed to validate token") from error

    async def revoke(self, token: Token) -> None:
        """
        Make `token` worth nothing, here from this moment.
        """
        now = int(self._clock())
        until = token.expires_at + ALLOW_EXPIRED_S
        revocation = Revocation(RevocationKind.TOKEN, token.audit_id, token.issued_at, until)
        await self._database.write(revocations.revoke, revocation, now)
        self._revoked.learn([revocation])
        self._changes += 1

    def mark(self) -> int | None:
        """
        Another number after each change that is known of; None when news has to be asked for first.
        """
        return self._changes if self._news.fresh else None

    def age_s(self) -> float:
        """
        How long ago other processes' revocations were asked for, in seconds; -1 for never.
        """
        return self._news.age_s()

    def look_again(self) -> None:
        """
        This worker has changed accounts: no token is trusted before the database was asked.
        """
        self._changes += 1
        self._news.look_again()

    async def _opened(self, text: str, window_s: int) -> Token:
        """
        Other keys are looked for when none of ours has sealed the token.
        """
        try:
            return self._tokens.open(text, window_s)
        except TokenGarbled:
            known = self._tokens.keys
            if self._keys is not None:
                await self._keys.look()
            if self._tokens.keys == known:
                raise
        return self._tokens.open(text, window_s)

    async def _ask(self, known: tuple[int, int] | None) -> tuple[int, int]:
        now = self._clock()
        news = await self._database.read(revocations.news, *(known or (0, 0)), int(now))
        self._revoked.learn(news.revocations)
        if news.disabled is not None:
            self._revoked.disabled = news.disabled
        if not 0 <= now - self._forgot_at < FORGET_EVERY_S:
            self._forgot_at = now
            self._revoked.forget(int(now))
        serials = (news.revoked_serial, news.disabled_serial)
        if serials != known:
            self._changes += 1
        return serials
