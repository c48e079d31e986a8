"""
Posts projects' events to the addresses that asked for them, signed, in order, until they are taken.

One process of all at a database does it.  An address that was away gets what it missed, as far back
as the feed goes; one that took nothing for three days is sent nothing any more.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from synnefo_tx.daemon.posting import Post
from synnefo_tx.daemon.rounds import Rounds
from synnefo_tx.events.place import Place, place_of
from synnefo_tx.events.rows import reading, webhooks
from synnefo_tx.events.texts import behind, body_of, name_of
from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.store import leases
from synnefo_tx.store.database import Database

EVERY_S = 1.0
LEASE = "webhooks"
LEASE_S = 30
BATCH = 50
FIRST_DELAY_S = 2
LONGEST_DELAY_S = 3600
ENDED_AFTER = 80  # failures: three days of them
ENDED = "it took nothing for three days"


def signature(secret: str, place: Place, body: bytes) -> str:
    """
    What X-Synnefo-Signature says: HMAC-SHA256 of ``<id>.<body>``, hex.
    """
    signed = hmac.new(secret.encode(), f"{place}.".encode() + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


def delay_s(failures: int) -> int:
    """
    How long to wait after so many.
    """
    return min(FIRST_DELAY_S << min(failures - 1, 20), LONGEST_DELAY_S)


@define(eq=False)
class Sender(Service):
    """
    clock: seconds since the epoch.
    """

    _database: Database
    _secrets: SecretBox
    _post: Post
    _clock: Callable[[], float]
    _reactor: Any
    _holder: str = field(factory=lambda: uuid.uuid4().hex, init=False)
    _rounds: Rounds = field(init=False)
    _place: Place | None = field(default=None, init=False)
    _under_way: dict[str, Deferred[None]] = field(factory=dict, init=False)
    _is_ending: bool = field(default=False, init=False)
    _overtaken: set[str] = field(factory=set, init=False)  # under way as a feed went on
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._rounds = Rounds(self._reactor, self._safely)

    def startService(self) -> None:
        super().startService()
        self._is_ending = False
        self._rounds.start(EVERY_S)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        self._is_ending = True
        await self._rounds.stop()
        await DeferredList(list(self._under_way.values()))
        await self._database.write(leases.give_back, LEASE, self._holder)

    async def _safely(self) -> None:
        try:
            await self.once()
        except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again at once
            self._log.failure("webhooks could not be looked at")

    async def once(self) -> None:
        """
        Begin to send what is due, unless another process does.
        """
        now_s = int(self._clock())
        if not await self._database.write(leases.take, LEASE, self._holder, now_s, LEASE_S):
            self._place = None
            return
        await self._wake(now_s)
        due = await self._database.read(webhooks.due, now_s, tuple(self._under_way))
        for hook in due:
            sending = Deferred.fromCoroutine(self._send(hook))
            self._under_way[hook.id] = sending
            sending.addErrback(self._failed)
            sending.addBoth(self._sent, hook.id)

    def _sent(self, _result: object, webhook_id: str) -> None:
        self._under_way.pop(webhook_id, None)
        self._overtaken.discard(webhook_id)

    def _failed(self, failure: Any) -> None:
        self._log.failure("a webhook stands still", failure=failure)

    async def _wake(self, now_s: int) -> None:
        """
        Those whose projects' feeds went on; who begins looks at all, since nobody may have looked.
        """
        projects, place = None, self._place
        if place is None:
            self._place = await self._database.read(reading.horizon, now_s)
        else:
            found = await self._database.read(reading.projects_between, place, now_s)
            projects, self._place = found
        if projects is None or projects:
            self._overtaken.update(self._under_way)
            await self._database.write(webhooks.wake, projects, now_s)

    async def _send(self, hook: webhooks.AnyRow) -> None:
        """
        What it has not taken, one event after the other; the rest is left to the next process when
        this one ends.
        """
        secret, place = self._secrets.open(hook.secret), place_of(hook.place)
        now_s = int(self._clock())
        rows = await self._database.read(reading.after, hook.project_id, place, BATCH, now_s)
        again = now_s if len(rows) == BATCH else None
        for row in rows:
            if self._is_ending:
                again = now_s
                break
            if (not hook.kinds or row.kind in hook.kinds) and not await self._taken(
                hook, secret, row
            ):
                await self._try_later(hook, place)
                return
            place = behind(row)
        await self._database.write(webhooks.taken, hook.id, place, again)
        if hook.id in self._overtaken:  # it was not woken: it was awake until now
            await self._database.write(webhooks.wake, {hook.project_id}, now_s)

    async def _taken(self, hook: webhooks.AnyRow, secret: str, row: Any) -> bool:
        body, place = body_of(row), behind(row)
        headers = {
            "Content-Type": "application/json",
            "X-Synnefo-Event": name_of(row),
            "X-Synnefo-Event-Id": str(place),
            "X-Synnefo-Signature": signature(secret, place, body),
        }
        try:
            status = await self._post(hook.url, body, headers)
        except Exception as error:  # noqa: BLE001 - whatever an address of others does to us
            self._log.info("webhook {hook}: {error}", hook=hook.id, error=error)
            return False
        return 200 <= status < 300

    async def _try_later(self, hook: webhooks.AnyRow, place: Place) -> None:
        """
        It keeps what it took before the one that it did not.
        """
        failures = hook.failures + 1 if str(place) == hook.place else 1
        ended = ENDED if failures >= ENDED_AFTER else None
        next_try_at = None if ended else int(self._clock()) + delay_s(failures)
        await self._database.write(webhooks.failed, hook.id, place, failures, next_try_at, ended)
