"""
Every password that is shown goes through here: limits, locked accounts, and what is remembered of
wrong ones.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from functools import partial

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.elsewhere import IPasswordsElsewhere
from synnefo_tx.identity.model import User
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.rows import attempts
from synnefo_tx.identity.rows.accounts import find_user
from synnefo_tx.identity.rules.attempts import is_held
from synnefo_tx.identity.rules.compliance import is_inactive
from synnefo_tx.identity.rules.login import Wanted
from synnefo_tx.identity.throttle import Attempt, Throttle
from synnefo_tx.store.database import Database


@define
class PasswordGate:
    """
    clock: seconds since the epoch.

    One hash is computed whoever is asked for, and an answer waits for no write that is only made
    for users who exist: the time tells nothing.
    """

    _database: Database
    _passwords: Passwords
    _clock: Callable[[], float]
    policy: SecurityCompliance
    throttle: Throttle
    elsewhere: IPasswordsElsewhere | None = None
    _unwritten: dict[str, list[Deferred[None]]] = field(factory=dict, init=False)
    _log = Logger()

    async def right(
        self, wanted: Wanted, user: User | None, password: str | None, address: str
    ) -> bool:
        """
        Whether the password is the user's and may be used now.  Raises TooManyRequests.

        wanted: as the client names the user.  user: as known; None: there is no such user.  For a
        password that others know, the account may be another afterwards, or be there at all.
        """
        elsewhere = self.elsewhere
        account = await elsewhere.account(wanted, user) if elsewhere is not None else ""
        if elsewhere is not None and account:
            shown = partial(elsewhere.right, wanted, user, password or "")
            return await self.counted(account, address, shown)
        attempt = self.throttle.begin(wanted, address)
        try:
            known_hash = user.password_hash if user else None
            checked = Deferred.fromCoroutine(self._passwords.verify(known_hash, password))
            user = await self._up_to_date(user)  # while another thread computes the hash
            right = await checked
        except BaseException:
            attempt.dropped()
            raise
        return await self._outcome(attempt, user, right)

    async def counted(
        self, account: Hashable, address: str, check: Callable[[], Awaitable[bool]]
    ) -> bool:
        """
        What `check` says of another kind of secret, a wrong one counted.  Raises TooManyRequests.

        account: whose secret it is, as the client names it.
        """
        attempt = self.throttle.begin(account, address)
        try:
            right = await check()
        except BaseException:
            attempt.dropped()
            raise
        if right:
            attempt.succeeded()
        else:
            attempt.failed()
        return right

    async def _outcome(self, attempt: Attempt, user: User | None, right: bool) -> bool:
        now = int(self._clock())
        held = user is not None and is_held(self.policy, user, now)
        if user is not None and right and not held:
            attempt.succeeded()
            return await self._remember_success(user, now)
        if held:
            self.throttle.locked_out()
        attempt.failed()
        if user is not None and not held:  # else nobody could ever log in again
            self._remember_failure(user.id, now)
        return False

    async def _up_to_date(self, user: User | None) -> User | None:
        """
        The user, once the wrong passwords that this process knows of are counted.
        """
        if user is None or user.id not in self._unwritten:
            return user
        await self._written(user.id)
        return await self._database.read(find_user, user.id)

    async def _remember_success(self, user: User, now: int) -> bool:
        if is_inactive(self.policy, user, now):
            return True  # the caller refuses it, and it must not count as activity
        watched = self.policy.disable_user_account_days_inactive is not None
        if not user.failed_logins and not (watched and _day(user.last_active_at) != _day(now)):
            return True
        return await self._database.write(attempts.succeeded, user.id, self.policy, now)

    def _remember_failure(self, user_id: str, now: int) -> None:
        write = Deferred.fromCoroutine(self._database.write(attempts.failed, user_id, now))
        waiting = self._unwritten.setdefault(user_id, [])
        waiting.append(write)

        def done(result: object) -> None:
            waiting.remove(write)
            if not waiting:
                del self._unwritten[user_id]
            if isinstance(result, Failure):
                self._log.failure("a wrong password was not counted", failure=result)

        write.addBoth(done)

    async def _written(self, user_id: str) -> None:
        for write in list(self._unwritten.get(user_id, ())):
            written: Deferred[None] = Deferred()
            write.chainDeferred(written)
            await written


def _day(at: int | None) -> int | None:
    return None if at is None else at // 86400
