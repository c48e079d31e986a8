"""
Accounts brought to what a provider tells, with the line in the audit log that this is worth.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen
from sqlalchemy import Connection

from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.rows.log import append
from synnefo_tx.identity.follower import IFollower, Told
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.things import DuplicateEntry, Thing
from synnefo_tx.people.external.errors import BelongsToOther, NameInUse
from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.rows import accounts
from synnefo_tx.people.external.rows.accounts import Listed, Moment, Settled
from synnefo_tx.people.external.settings import AccountRules
from synnefo_tx.store.database import Database

NOBODY = Entry("", "user", "")


def _nothing(_connection: Connection, _user_id: str, _provider: str) -> None:
    """
    Nobody is told.
    """


@frozen(eq=False)
class Settle:
    """
    clock: seconds since the epoch.  horizon_s: how long tokens of now may live.  look_again: tells
    this process that tokens may have ended.  added: what else is done when a user adds a provider:
    ids of both.
    """

    database: Database
    _clock: Callable[[], float]
    _horizon_s: int
    _look_again: Callable[[], object]
    _follower: IFollower
    _added: Callable[[Connection, str, str], None] = _nothing

    async def __call__(
        self, person: Person, rules: AccountRules, adding_to: str = "", line: Entry = NOBODY
    ) -> Settled:
        """
        As the unit `settle` does, and raises.  line: by whom and from where.
        """
        now = self._clock()

        def unit(connection: Connection) -> Settled:
            moment = Moment(int(now), self._horizon_s)
            owner = accounts.owner_of(connection, person.provider, person.identifier)
            owner = owner or adding_to
            before = things.find(connection, USER, owner) if owner else None
            done = accounts.settle(connection, person, rules, adding_to, moment)
            self._follow(connection, before, done.user_id, now)
            if done.done != "refreshed":
                append(connection, _told(line, person, done), int(now * 1e6))
            if done.done == "added":
                self._added(connection, done.user_id, person.provider)
            return done

        try:
            settled = await self.database.write(unit)
        except (NameInUse, BelongsToOther, DuplicateEntry):
            # Another log-in may have been quicker, with the same account or the same new group.
            settled = await self.database.write(unit)
        self._look_again()
        return settled

    def now(self) -> int:
        """
        Seconds since the epoch.
        """
        return int(self._clock())

    async def gone(self, provider: str, listed: Listed, rules: AccountRules) -> list[str]:
        """
        As the unit `mark_gone`.
        """
        now = self._clock()

        def unit(connection: Connection) -> list[str]:
            moment = Moment(int(now), self._horizon_s)
            disabled = accounts.mark_gone(connection, provider, listed, rules, moment)
            for user_id in disabled:
                after = things.fetch(connection, USER, user_id)
                self._follow(connection, after | {"enabled": True}, user_id, now)
                details = {"provider": provider, "enabled": False}
                line = Entry("identity:update_user", "user", user_id, details=details)
                append(connection, line, int(now * 1e6))
            return disabled

        disabled = await self.database.write(unit)
        self._look_again()
        return disabled

    def _follow(
        self, connection: Connection, before: Thing | None, user_id: str, now: float
    ) -> None:
        told = Told("", int(now * 1e6), self._horizon_s)
        after = things.fetch(connection, USER, user_id)
        if before is None:
            self._follower.made(connection, "user", after, told)
        elif before != after:
            self._follower.changed(connection, "user", before, after, told)


def _told(line: Entry, person: Person, done: Settled) -> Entry:
    action = "account:add_log_in" if done.done == "added" else "identity:create_user"
    details = {"provider": person.provider}
    return evolve(
        line, action=action, target_id=done.user_id, user_id=done.user_id, details=details
    )
