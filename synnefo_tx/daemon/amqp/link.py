"""One connection to a broker, from greeting to end."""

from __future__ import annotations

from itertools import count
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004
from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from txamqp.client import Closed, TwistedDelegate
from txamqp.connection import Frame
from txamqp.message import Message
from txamqp.protocol import AMQClient

from synnefo_tx.daemon.amqp.address import BrokerAddress
from synnefo_tx.daemon.amqp.channel import CLOSED_WELL, BrokerChannel, Gone, gone
from synnefo_tx.daemon.amqp.definition import protocol
from synnefo_tx.daemon.amqp.field_tables import Malformed
from synnefo_tx.daemon.amqp.frames import BEAT, GREETING, FrameReader
from synnefo_tx.daemon.amqp.heartbeat import Heartbeat, agreed

LONGEST_FRAME_BYTES = 131072
MOST_CHANNELS = 2047
HANDSHAKE_TIMEOUT_S = 20.0
GOODBYE_TIMEOUT_S = 3.0
CAPABILITIES = {
    "consumer_cancel_notify": True,
    "publisher_confirms": True,
    "basic.nack": True,
    "authentication_failure_close": True,
}


class _Hearing(TwistedDelegate):  # type: ignore[misc]  # txamqp is untyped
    """What we do with what the broker says unasked."""

    client: BrokerLink

    def dispatch(self, channel: BrokerChannel, message: Message) -> None:
        name = f"{message.method.klass.name}_{message.method.name}".replace("-", "_")
        hear = getattr(self, name, None)
        if hear is None:
            raise Malformed(f"the broker says {name}")
        hear(channel, message)

    def connection_start(self, ch: BrokerChannel, _msg: Message) -> None:
        address = self.client.address
        ch.connection_start_ok(
            client_properties={"product": "synnefo-tx", "capabilities": CAPABILITIES},
            mechanism="PLAIN",
            response=f"\0{address.user}\0{address.password}",
            locale="en_US",
        )

    def connection_tune(self, _ch: BrokerChannel, msg: Message) -> None:
        self.client.tune(msg.channel_max, msg.frame_max, msg.heartbeat)

    def basic_deliver(self, ch: BrokerChannel, msg: Message) -> None:
        if ch.inbox is None:
            raise Malformed("a delivery on a channel that consumes nothing")
        ch.inbox.put(msg)

    def basic_cancel(self, ch: BrokerChannel, _msg: Message) -> None:
        if ch.inbox is not None:
            ch.inbox.close(Gone("the broker cancelled the consumer"))

    def basic_return(self, ch: BrokerChannel, msg: Message) -> None:
        ch.confirms.returned(int(msg.content.properties["message-id"]))

    def basic_ack(self, ch: BrokerChannel, msg: Message) -> None:
        ch.confirms.settle(msg.delivery_tag, msg.multiple, taken=True)

    def basic_nack(self, ch: BrokerChannel, msg: Message) -> None:
        ch.confirms.settle(msg.delivery_tag, msg.multiple, taken=False)

    def channel_close(self, ch: BrokerChannel, msg: Message) -> None:
        ch.channel_close_ok()
        self.client.forget(ch.id)
        ch.do_close(msg)


class BrokerLink(AMQClient):  # type: ignore[misc]  # txamqp is untyped
    """
    A connection.  `await opened()` after it is made; then `open_channel`.

    clock: for heartbeats and time-outs.
    """

    _log = Logger()
    channelClass = BrokerChannel
    closed: bool

    def __init__(self, clock: IReactorTime, address: BrokerAddress) -> None:
        super().__init__(_Hearing(), address.virtual_host, protocol(), heartbeat=0, clock=clock)
        self.address = address
        self.room = LONGEST_FRAME_BYTES
        self.heartbeat = Heartbeat(clock, 0, self._beat, self._fell_silent)
        self._reader = FrameReader(LONGEST_FRAME_BYTES)
        self._most_channels = MOST_CHANNELS
        self._is_open = False
        self._zero = self._channel(0)

    async def opened(self) -> None:
        """Return when the virtual host is open.  Raises Gone; ends the connection then."""
        opening = Deferred.fromCoroutine(self._open())
        try:
            await opening.addTimeout(HANDSHAKE_TIMEOUT_S, self.clock)
        except TimeoutError:
            raise Gone(f"no handshake within {HANDSHAKE_TIMEOUT_S} s") from None
        finally:
            if not self._is_open:
                self.abort(Gone("the handshake failed"))

    async def _open(self) -> None:
        try:
            await self.started.wait()
        except Closed:
            raise gone(self._zero.reason) from None
        await self._zero.connection_open(self.vhost)
        self._is_open = True

    async def open_channel(self) -> BrokerChannel:
        """A new channel.  Raises Gone."""
        if self.closed:
            raise gone(self._zero.reason)
        number = next(n for n in count(1) if n not in self.channels)
        if number > self._most_channels:
            raise Gone(f"all {self._most_channels} channels are taken")
        channel = self._channel(number)
        await channel.channel_open()
        return channel

    async def goodbye(self) -> None:
        """End the connection in order, or without if the broker takes too long.  Never fails."""
        if not self.closed:
            closing = self._zero.connection_close(reply_code=CLOSED_WELL)
            closing.addTimeout(GOODBYE_TIMEOUT_S, self.clock)
            try:
                await closing
            except (Gone, TimeoutError):
                self.abort(Gone("no goodbye from the broker"))
        self.do_close(Gone("closed by us"))
        try:
            await self.lost().addTimeout(GOODBYE_TIMEOUT_S, self.clock)
        except TimeoutError:
            self.transport.abortConnection()

    def lost(self) -> Deferred[bool]:
        """Fires when the transport is gone."""
        return self.disconnected.wait()  # type: ignore[no-any-return]

    def abort(self, reason: Gone) -> None:
        """End the connection at once: unsent bytes are dropped, what waits fails."""
        self.do_close(reason)
        if self.transport is not None:
            self.transport.abortConnection()

    def tune(self, channel_max: int, frame_max: int, heartbeat_s: int) -> None:
        """Agree on limits with the broker's proposals; 0 stands for no limit."""
        self._most_channels = agreed(channel_max, MOST_CHANNELS)
        self.room = self._reader.frame_max = agreed(frame_max, LONGEST_FRAME_BYTES)
        interval_s = agreed(heartbeat_s, self.address.heartbeat_s)
        self.heartbeat = Heartbeat(self.clock, interval_s, self._beat, self._fell_silent)
        self._zero.connection_tune_ok(self._most_channels, self.room, interval_s)
        self.heartbeat.start()
        self.started.fire()

    def write(self, data: bytes) -> None:
        """Whole frames."""
        self.heartbeat.sent()
        self.transport.write(data)

    def forget(self, number: int) -> None:
        """The number of this closed channel may be used again."""
        self.channels.pop(number, None)

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self.transport.write(GREETING)

    def dataReceived(self, data: bytes) -> None:
        self.heartbeat.heard()
        try:
            for frame in self._reader.feed(data):
                if self.closed:
                    return
                self._received(frame)
        except Malformed as error:
            self._log.error("broker {broker} broke the protocol: {error}",
                            broker=str(self.address), error=str(error))  # fmt: skip
            self.abort(Gone(str(error)))

    def connectionLost(self, reason: Failure) -> None:
        self.do_close(reason)
        self.disconnected.fire()

    def do_close(self, reason: Any) -> None:
        """The connection is over, whoever ended it: all channels end with `reason`."""
        if self.closed:
            return
        self.closed = True
        self.heartbeat.stop()
        for channel in list(self.channels.values()):
            channel.do_close(reason)
        self.delegate.close(reason)

    def _received(self, frame: Frame) -> None:
        if frame.payload.type == Frame.HEARTBEAT:
            return
        channel = self.channels.get(frame.channel)
        if channel is None:
            raise Malformed(f"a frame for channel {frame.channel}, which is not open")
        channel.received(frame.payload)

    def _channel(self, number: int) -> BrokerChannel:
        channel: BrokerChannel = self.channelFactory(number, self.outgoing, self)
        self.channels[number] = channel
        return channel

    def _beat(self) -> None:
        self.write(BEAT)

    def _fell_silent(self) -> None:
        self._log.warn("broker {broker} fell silent", broker=str(self.address))
        self.abort(Gone("the broker fell silent"))
