"""
Calls that are being done on a node, by the reign in which they were made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred

from ganetid.node.rpc.calls import Call


@define(eq=False)
class Underway:
    """
    What masters have asked of this node and is not done.

    A call goes on when the master that made it is gone.  The next master must not look at what is
    here before that: a guest that is only just being started would be started once more.
    """

    _begun: dict[Deferred[None], int] = field(factory=dict)

    @contextmanager
    def during(self, call: Call, epoch: int) -> Iterator[None]:
        """While a call of that reign is done; those that may take hours are not counted."""
        done: Deferred[None] = Deferred()
        if call.is_brief:
            self._begun[done] = epoch
        try:
            yield
        finally:
            self._begun.pop(done, None)
            done.callback(None)

    def counted(
        self, call: Call, epoch: int, method: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        """The method, with `during` around it."""

        async def counting(*given: Any, **named: Any) -> Any:
            with self.during(call, epoch):
                return await method(*given, **named)

        return counting

    async def former_ended(self, epoch: int) -> None:
        """Returns once all calls of older reigns are done."""
        for done, begun_in in list(self._begun.items()):
            if begun_in < epoch:
                await done
