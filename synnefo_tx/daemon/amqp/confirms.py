"""Which published messages the broker has still to confirm.  No I/O."""

from __future__ import annotations

from itertools import takewhile

from twisted.internet.defer import Deferred


class NotRoutable(Exception):
    """No queue takes the message: the broker gave it back."""


class Refused(Exception):
    """The broker said that it could not take care of the message."""


class Confirms:
    """Numbers the messages of one channel from 1, as the broker does, and settles them."""

    def __init__(self) -> None:
        self._number = 0
        self._outstanding: dict[int, Deferred[None]] = {}
        self._returned: set[int] = set()

    def add(self) -> Deferred[None]:
        """
        One more message was sent; what fires when it is safe.

        Fails with NotRoutable, Refused, or whatever `fail` is told.  Cancelling it forgets it.
        """
        self._number += 1
        number = self._number
        outstanding: Deferred[None] = Deferred(lambda _: self._forget(number))
        self._outstanding[number] = outstanding
        return outstanding

    @property
    def upcoming(self) -> int:
        """The number of the message that `add` will tell of."""
        return self._number + 1

    def returned(self, number: int) -> None:
        """The broker gave this message back; its confirmation is still to come."""
        if number in self._outstanding:
            self._returned.add(number)

    def settle(self, number: int, multiple: bool, taken: bool) -> None:
        """
        The broker's word on message `number`, with `multiple` on all up to it.

        Numbers already settled or never given are ignored.
        """
        numbers = [number]
        if multiple:  # a dict keeps the order of sending, so this ends at the first later one
            numbers = list(takewhile(lambda sent: sent <= number, self._outstanding))
        for each in numbers:
            outstanding = self._outstanding.pop(each, None)
            gave_back = each in self._returned
            self._returned.discard(each)
            if outstanding is None:
                continue
            if not taken:
                outstanding.errback(Refused())
            elif gave_back:
                outstanding.errback(NotRoutable())
            else:
                outstanding.callback(None)

    def fail(self, reason: Exception) -> None:
        """The channel is gone: nothing outstanding will be confirmed, in the order sent."""
        outstanding, self._outstanding = self._outstanding, {}
        self._returned.clear()
        for each in outstanding.values():
            if not each.called:
                each.errback(reason)

    def _forget(self, number: int) -> None:
        self._outstanding.pop(number, None)
        self._returned.discard(number)
