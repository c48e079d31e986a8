"""One channel of a link: requests with their answers, confirms, and an inbox."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from txamqp.content import Content
from txamqp.message import Message
from txamqp.protocol import AMQChannel

from synnefo_tx.daemon.amqp.confirms import Confirms
from synnefo_tx.daemon.amqp.field_tables import Malformed
from synnefo_tx.daemon.amqp.frames import MessageReader, content_bytes, method_bytes

PERSISTENT = 2
CLOSED_WELL = 200


class Gone(Exception):
    """The channel or its link is over.  code: the broker's reply code, 0 when it gave none."""

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(f"{code} {reason}" if code else reason)
        self.reason = reason
        self.code = code


def gone(reason: Any) -> Gone:
    """The end of a channel as told by the broker (a close method), the transport, or us."""
    if isinstance(reason, Gone):
        return reason
    if isinstance(reason, Message):
        return Gone(reason.reply_text, reason.reply_code)
    return Gone(str(getattr(reason, "value", reason)))


class Inbox:
    """
    What a consumer was sent and nobody has taken yet.

    ended: called once, when no more will come.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._messages: deque[Message] = deque()
        self._taker: Deferred[None] | None = None
        self._end: Exception | None = None
        self._ended = ended

    def put(self, message: Message) -> None:
        """The broker sent this."""
        self._messages.append(message)
        self._wake()

    def close(self, reason: Exception) -> None:
        """Nothing more is given out: `batch` raises `reason`.  What is left the broker keeps."""
        if self._end is None:
            self._end = reason
            self._ended()
            self._wake()

    async def batch(self, limit: int) -> list[Message]:
        """At least one message, at most `limit`; waits for them.  Raises what `close` was told."""
        while not self._messages and self._end is None:
            self._taker = Deferred()
            await self._taker
        if self._end is not None:
            raise self._end
        return [self._messages.popleft() for _ in range(min(limit, len(self._messages)))]

    def _wake(self) -> None:
        taker, self._taker = self._taker, None
        if taker is not None:
            taker.callback(None)


class BrokerChannel(AMQChannel):  # type: ignore[misc]  # txamqp is untyped
    """
    A channel on which nothing is written before all of it is encoded.

    In txamqp 0.8.2 a value without an encoding stops the writer for good, answers with content
    can mix with one another, and a body is text when it looks like it.
    """

    closed: bool

    def __init__(self, id: int, outgoing: Any, client: Any) -> None:  # noqa: A002
        super().__init__(id, outgoing, client)
        self.confirms = Confirms()
        self.inbox: Inbox | None = None
        self.ended: Deferred[Gone] = Deferred()
        self._reader = MessageReader()
        self._asked: deque[tuple[Any, Deferred[Message]]] = deque()

    def invoke(
        self, method: Any, args: tuple[Any, ...], content: Content | None = None
    ) -> Deferred[Message | None]:
        """Send `method`; the answer.  Raises Unencodable, and Gone on a closed channel."""
        if self.closed:
            raise gone(self.reason)
        data = method_bytes(self.id, method, args)
        if method.content:
            data += content_bytes(self.id, method.klass, content or Content(b""), self.client.room)
        self.client.write(data)
        if not method.responses or _is_nowait(method, args):
            return succeed(None)
        answer: Deferred[Message] = Deferred()
        self._asked.append((method, answer))
        return answer

    def publish(
        self, exchange: str, routing_key: str, body: bytes, headers: Mapping[str, Any]
    ) -> Deferred[None]:
        """
        Send a persistent message on a channel in confirm mode; fires when it is safe.

        Fails with NotRoutable, Refused, Gone.  Raises Unencodable and Gone.
        """
        properties = {
            "delivery-mode": PERSISTENT,
            "message-id": str(self.confirms.upcoming),  # by which a returned one is known
            "headers": dict(headers),
        }
        self.basic_publish(
            exchange=exchange, routing_key=routing_key, mandatory=True,
            content=Content(body, [], properties),
        )  # fmt: skip
        return self.confirms.add()

    def received(self, payload: Any) -> None:
        """One frame of this channel.  Raises Malformed."""
        message = self._reader.feed(payload)
        if message is None:
            return
        if not message.method.response:
            self.client.delegate.dispatch(self, message)
            return
        if not self._asked or message.method not in self._asked[0][0].responses:
            raise Malformed(f"{message.method} answers nothing")
        _method, answer = self._asked.popleft()
        answer.callback(message)

    def do_close(self, reason: Any) -> None:
        """The channel is over, whoever ended it.  Fails all that waits, in order."""
        if self.closed:
            return
        self.closed = True
        self.reason = reason
        end = gone(reason)
        asked, self._asked = self._asked, deque()
        for _method, answer in asked:
            answer.errback(end)
        self.confirms.fail(end)
        if self.inbox is not None:
            self.inbox.close(end)
        self.ended.callback(end)

    async def leave(self) -> None:
        """Close the channel in order; what it did not acknowledge goes back to its queue."""
        if not self.closed:
            await self.channel_close(reply_code=CLOSED_WELL)
            self.client.forget(self.id)
            self.do_close(Gone("left"))


def _is_nowait(method: Any, args: tuple[Any, ...]) -> bool:
    field = method.fields.byname.get("nowait")
    return field is not None and bool(args[method.fields.index(field)])
