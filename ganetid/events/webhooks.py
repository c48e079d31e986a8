"""
Webhooks: events posted to addresses that asked for them, signed, in order, until they are taken.

Each hook has a place in the sequence of events, kept on disk, so that an address that was away gets
what it missed; what is older than the last 10,000 events is gone for good.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Any

import msgspec
from attrs import evolve, frozen
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, succeed
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.web.client import Agent

from ganetid.events.feed import EventFeed
from ganetid.jobs.journal import Waiting
from synnefo_tx.daemon.posting import Post, poster

BATCH = 50
IDLE_S = 60.0
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 300.0
PATIENCE_S = 15.0  # for an answer
MOST_HOOKS = 64


@frozen
class Webhook:
    """
    An address that wants events.

    secret: signs what is sent.  types: of events; empty: all.  after: the last event it has taken.
    """

    id: str
    url: str
    secret: str
    types: tuple[str, ...] = ()
    after: int = 0


def signature(secret: str, event: int, body: bytes) -> str:
    """What the header x-ganeti-signature says: HMAC-SHA256 of ``<id>.<body>``, hex."""
    signed = hmac.new(secret.encode(), b"%d." % event + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


def public_poster(reactor: Any) -> Post:
    """Certificates are checked against those the system trusts."""
    return poster(Agent(reactor, connectTimeout=PATIENCE_S), PATIENCE_S)


class Webhooks(Service):
    """
    Delivers events to all hooks.

    path: the file that keeps them, mode 0600.
    """

    name = "webhooks"
    _log = Logger()

    def __init__(self, reactor: Any, feed: EventFeed, path: Path, post: Post) -> None:
        self._reactor = reactor
        self._feed = feed
        self._path = path
        self._post = post
        self._hooks: dict[str, Webhook] = {}
        self._loops: dict[str, Deferred[None]] = {}
        self._saving: Deferred[None] = succeed(None)

    def startService(self) -> None:
        """Go on where it was left."""
        super().startService()
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=list[Webhook])
        except FileNotFoundError:
            found = []
        for hook in found:
            self._hooks[hook.id] = hook
            self._begin(hook.id)

    def stopService(self) -> Deferred[Any]:
        """Stop; what was not taken is sent at the next start."""
        super().stopService()
        loops = list(self._loops.values())
        for loop in loops:
            loop.cancel()
        return DeferredList([*loops, self._saving], consumeErrors=True)

    def hooks(self) -> list[Webhook]:
        """All of them, by id."""
        return [self._hooks[name] for name in sorted(self._hooks)]

    async def add(self, url: str, types: tuple[str, ...], secret: str | None) -> Webhook:
        """A new hook, for events from now on; it is on disk when this returns."""
        _, newest = await self._feed.range()
        own = secret or secrets.token_urlsafe(32)
        hook = Webhook(secrets.token_hex(8), url, own, types, newest)
        self._hooks[hook.id] = hook
        await self._save()
        self._begin(hook.id)
        return hook

    async def remove(self, name: str) -> bool:
        """Whether there was one of this id."""
        if self._hooks.pop(name, None) is None:
            return False
        loop = self._loops.pop(name, None)
        if loop is not None:
            loop.cancel()
        await self._save()
        return True

    def _begin(self, name: str) -> None:
        loop = Deferred.fromCoroutine(self._deliver(name))
        loop.addErrback(lambda failure: failure.trap(CancelledError))
        loop.addErrback(lambda failure: self._log.failure("a webhook stands still", failure))
        self._loops[name] = loop

    async def _deliver(self, name: str) -> None:
        delay_s = FIRST_DELAY_S
        while self.running and name in self._hooks:
            batch = await self._feed.after(self._hooks[name].after, BATCH)
            for event in batch:
                while not await self._taken(self._hooks[name], event):
                    await deferLater(self._reactor, delay_s)
                    delay_s = min(delay_s * 2, LONGEST_DELAY_S)
                delay_s = FIRST_DELAY_S
                self._hooks[name] = evolve(self._hooks[name], after=event.id)
            if batch:
                await self._save()
            else:
                await self._feed.more(IDLE_S)

    async def _taken(self, hook: Webhook, event: Waiting) -> bool:
        """Whether the address has it now, or does not want it."""
        body = event.message.body
        if hook.types and msgspec.json.decode(body).get("type") not in hook.types:
            return True
        headers = {
            "content-type": "application/json",
            "x-ganeti-event": str(event.id),
            "x-ganeti-signature": signature(hook.secret, event.id, body),
        }
        try:
            status = await self._post(hook.url, body, headers)
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an address of others does to us
            self._log.warn("webhook {hook}: {error}", hook=hook.id, error=error)
            return False
        if status >= 300:
            self._log.warn("webhook {hook} answered {status}", hook=hook.id, status=status)
        return status < 300

    async def _save(self) -> None:
        """Write all hooks down, one writer at a time."""
        before, done = self._saving, Deferred[None]()
        self._saving = done
        try:
            await before
            body = msgspec.json.encode(self.hooks())
            await deferToThread(_write, self._path, body)
        finally:
            done.callback(None)


def _write(path: Path, body: bytes) -> None:
    partial = path.with_suffix(".partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
