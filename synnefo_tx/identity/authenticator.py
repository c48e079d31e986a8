"""
From the text in X-Auth-Token to its meaning, with what was revoked held in memory.

No database read per call: every `refresh_s` the first call asks for news, and those that come
meanwhile wait for the same answer.  A token revoked by this worker is refused at once, one that
another worker revoked within refresh_s.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.faults import (
    SubjectNotFound,
    TokenExpired,
    TokenGarbled,
    TokenRevoked,
)
from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.rows import revocations
from synnefo_tx.identity.rules.revoked import Revoked
from synnefo_tx.identity.token import Token
from synnefo_tx.identity.tokens import ALLOW_EXPIRED_S, TokenBox
from synnefo_tx.store.database import Database

FORGET_EVERY_S = 60.0


class Authenticator:
    """
    The Router's `authenticate`.  clock: seconds since the epoch.
    """

    def __init__(
        self,
        database: Database,
        tokens: TokenBox,
        clock: Callable[[], float],
        refresh_s: float = 1.0,
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._clock = clock
        self._refresh_s = refresh_s
        self._revoked = Revoked()
        self._refreshed_at: float | None = None
        self._serials = (0, 0)
        self._forgot_at = 0.0
        self._asking = False
        self._changes = 0
        self._waiters: list[Deferred[None]] = []

    def startService(self) -> None:
        """
        Nothing to start: news is asked for by the calls that need it.
        """

    def stopService(self) -> Deferred[None]:
        """
        Fires when no question to the database is open any more.
        """
        stopped: Deferred[None] = Deferred()
        if self._asking:
            self._waiters.append(stopped)
            stopped.addErrback(lambda _: None)  # the call that asked has the failure
        else:
            stopped.callback(None)
        return stopped

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
        token = self._tokens.open(text, window_s)
        await self._fresh()
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

    def look_again(self) -> None:
        """
        This worker has changed accounts: no token is trusted before the database was asked.
        """
        self._refreshed_at = None
        self._changes += 1

    async def _fresh(self) -> None:
        now = self._clock()
        seen = self._refreshed_at
        if seen is not None and 0 <= now - seen < self._refresh_s:
            return
        if self._asking:
            waiter: Deferred[None] = Deferred()
            self._waiters.append(waiter)
            await waiter
            return
        self._asking = True
        try:
            changes = -1
            while changes != self._changes:  # what came while we asked may not be in the answer
                changes = self._changes
                await self._ask(now)
        except Exception:
            self._release(Failure())
            raise
        self._release(None)

    async def _ask(self, now: float) -> None:
        news = await self._database.read(revocations.news, *self._serials, int(now))
        self._revoked.learn(news.revocations)
        if news.disabled is not None:
            self._revoked.disabled = news.disabled
        if not 0 <= now - self._forgot_at < FORGET_EVERY_S:
            self._forgot_at = now
            self._revoked.forget(int(now))
        self._serials = (news.revoked_serial, news.disabled_serial)
        self._refreshed_at = now

    def _release(self, failure: Failure | None) -> None:
        self._asking = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if failure is None:
                waiter.callback(None)
            else:
                waiter.errback(failure)
