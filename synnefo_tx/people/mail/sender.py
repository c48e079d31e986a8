"""
The part of an API worker that sends letters.

At least once: a letter whose server has taken it, but whose answer was lost, or whose worker died
before it could say so, is sent again, with the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from prometheus_client import CollectorRegistry
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from synnefo_tx.people.errors import BadField
from synnefo_tx.people.mail import claims
from synnefo_tx.people.mail.back_off import next_try
from synnefo_tx.people.mail.compose import compose
from synnefo_tx.people.mail.counts import MailCounts
from synnefo_tx.people.mail.model import ICarrier, Letter, NotNow, Refused
from synnefo_tx.people.mail.settings import Mail
from synnefo_tx.people.mail.smtp import carrier_of
from synnefo_tx.people.mail.templates import Templates
from synnefo_tx.people.rules.addresses import read_address
from synnefo_tx.store.database import Database

EVERY_S = 1.0
LOOK_EVERY_S = 15.0  # at the figures, and for old ones
AT_ONCE = 5
CLAIM_S = 300  # longer than any letter's way
PATIENCE_S = 5.0  # with letters under way, when we stop


@frozen(eq=False)
class MailRoom:
    """
    What sending takes.  clock: seconds since the epoch.
    """

    database: Database
    carrier: ICarrier
    templates: Templates
    settings: Mail
    clock: Callable[[], float]
    counts: MailCounts


class MailSender(Service):
    """
    Sends what is due, a few letters at once.  Of several senders one sends a letter.
    """

    _log = Logger()

    def __init__(self, room: MailRoom, reactor: Any) -> None:
        self._room = room
        self._reactor = reactor
        self._round: Deferred[None] | None = None
        self._looked_at: float | None = None
        self._loop = LoopingCall(self._begin_round)
        self._loop.clock = reactor

    def startService(self) -> None:
        super().startService()
        self._loop.start(EVERY_S)

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        return self._stopped()

    def _stopped(self) -> Deferred[None] | None:
        if self._round is None:
            return None
        over: Deferred[None] = Deferred()
        self._round.addBoth(lambda _: over.callback(None))
        under_way = self._round
        patience = self._reactor.callLater(PATIENCE_S, under_way.cancel)

        def no_more(_: None) -> None:
            if patience.active():
                patience.cancel()

        return over.addCallback(no_more)

    def _begin_round(self) -> Deferred[None]:
        round_ = self._round = Deferred.fromCoroutine(self._safe_round())

        def over(value: None) -> None:
            self._round = None

        return round_.addCallback(over)

    async def _safe_round(self) -> None:
        try:
            await self._look()
            await self.send_due()
        except CancelledError:
            pass
        except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again soon
            self._log.failure("letters were not sent")

    async def send_due(self) -> None:
        """
        Until nothing is due any more.
        """
        room = self._room
        while self.running and await room.database.read(claims.any_due, self._now()):
            letters = await room.database.write(claims.claim, AT_ONCE, CLAIM_S, self._now())
            if not letters:
                return  # others have them
            await DeferredList([Deferred.fromCoroutine(self._send(one)) for one in letters])

    async def _send(self, letter: Letter) -> None:
        try:
            problem = await self._carried(letter)
            if not problem:
                await self._room.database.write(claims.sent, letter)
                self._room.counts.sent.inc()
                self._log.info("letter {id} ({kind}) sent", id=letter.id, kind=letter.template)
            else:
                await self._again(letter, problem)
        except Refused as error:
            await self._never(letter, str(error))
        except Exception:  # noqa: BLE001 - its claim ends, and it is tried again
            self._log.failure("letter {id} is in doubt", id=letter.id)

    async def _carried(self, letter: Letter) -> str:
        """
        Why it was not; "": it was.  Raises Refused.
        """
        room = self._room
        try:
            content = compose(letter, room.templates, room.settings)
            await room.carrier.carry(read_address(letter.recipient), content)
        except NotNow as error:
            return str(error) or "not now"
        except BadField as error:
            raise Refused(str(error)) from error
        except (KeyError, ValueError) as error:  # the text of another release, or of an operator
            self._log.failure("letter {id} has no text", id=letter.id)
            return f"no text: {error}"
        return ""

    async def _again(self, letter: Letter, problem: str) -> None:
        due_at = next_try(letter, self._now(), self._room.settings.give_up_s)
        if due_at is None:
            await self._never(letter, problem)
            return
        self._room.counts.put_off.inc()
        await self._room.database.write(claims.put_off, letter, due_at, problem)
        self._log.info(
            "letter {id} ({kind}) waits: {problem}",
            id=letter.id,
            kind=letter.template,
            problem=problem,
        )

    async def _never(self, letter: Letter, problem: str) -> None:
        self._room.counts.given_up.inc()
        await self._room.database.write(claims.give_up, letter, self._now(), problem)
        self._log.error(
            "letter {id} ({kind}) is given up after {tries} tries: {problem}",
            id=letter.id,
            kind=letter.template,
            tries=letter.tries,
            problem=problem,
        )

    async def _look(self) -> None:
        now = self._room.clock()
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        self._room.counts.queue = await self._room.database.read(claims.figures)
        if self._room.counts.queue.given_up:
            await self._room.database.write(claims.forget_old, int(now))

    def _now(self) -> int:
        return int(self._room.clock())


def mail_sender(
    database: Database,
    settings: Mail,
    registry: CollectorRegistry,
    clock: Callable[[], float],
    reactor: Any,
) -> MailSender:
    """
    As the settings say.  registry: gets the counts.  Reads files; raises OSError, BadTemplate,
    ValueError.
    """
    room = MailRoom(
        database,
        carrier_of(reactor, settings),
        Templates.load(settings.templates, settings.cloud),
        settings,
        clock,
        MailCounts(registry, clock),
    )
    return MailSender(room, reactor)
