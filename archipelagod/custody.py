"""
Who may use a volume: clients, the daemon itself, whoever acquired it, or one who changes it alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted.internet.task import deferLater

from archipelagod.datapath.interface import IServing
from archipelagod.expected import Expected
from archipelagod.own_calls import OwnCalls
from archipelagod.use import Attachment, Owner, Use
from archipelagod.uses import Uses
from archipelagod.wire.errors import NoSuchVolume, VolumeBusy

__all__ = ["Attachment", "Custody"]

T = TypeVar("T")
GRACE_S = 2.0  # how long clients that are about to go may keep others waiting
DESERTED_S = 20.0  # the same, of clients whose process is gone already
LEASE_PATIENCE_S = 10.0  # for a worker of a killed daemon to end
LEASE_RETRY_S = 0.1


class Custody:
    """
    For the reactor's thread.  Methods raise StorageError and its kinds.

    call: see OwnCalls.
    """

    def __init__(self, uses: Uses) -> None:
        self.grace_s = GRACE_S
        self._uses = uses
        self._reactor = uses.reactor
        self._expected = Expected(uses.reactor)
        self._own_calls = OwnCalls(uses)
        self.call = self._own_calls.call

    def connections(self, name: str) -> int:
        """
        Open connections of a volume's clients.
        """
        use = self._uses.get(name)
        return use.connections if use is not None else 0

    async def attach(self, name: str, owner: Owner) -> Attachment:
        """
        A claim for a client of process ``owner``.

        Connections of one process may write a volume together; another process has to wait until
        they end, unless ``allow_handover`` was called.  Raises NoSuchVolume, VolumeBusy,
        StorageUnavailable.
        """

        async def attach(use: Use) -> Attachment:
            if not await self._admitted(use, owner):
                raise VolumeBusy(f"{name}: open for another")
            if not use.is_read_only:
                await use.until(lambda: not use.calls, None)  # our own writes
            serving = await self._uses.open_or_standing_by(
                name, use, may_stand_by=self._expected.take(name)
            )
            return Attachment(use, serving, owner, lambda: self._uses.end_soon(name, use))

        return await self._uses.with_lock(name, attach)

    async def _admitted(self, use: Use, owner: Owner) -> bool:
        """
        Whether a client of that process may come.

        Others whose process is gone are about to be missed, however busy this machine is.
        """
        if await use.until(lambda: use.may_join(owner), self.grace_s):
            return True
        return use.is_deserted and await use.until(lambda: use.may_join(owner), DESERTED_S)

    def allow_handover(self, name: str) -> None:
        """
        One process more may use the volume while its clients are still there: for live migration.

        Without clients here: the next one may come while another daemon still has the volume, and
        reads it as it was last written until ``acquire``.
        """
        use = self._uses.get(name)
        if use is None or not use.is_served:
            self._expected.add(name)
            return
        use.allows_handover = True
        use.tell()

    async def hand_over(self, name: str) -> None:
        """
        Its client is done: it is ended, and another daemon may have the volume.  Not when a second
        one has come here, who goes on.
        """

        async def hand_over(use: Use) -> None:
            if len(use.owners) < 2 and not use.is_read_only:
                use.allows_handover = use.is_held = False
                await self._own_calls.drop(use)
                await self._uses.close_serving(name, use)

        await self._uses.with_lock(name, hand_over)

    async def acquire(self, name: str) -> None:
        """
        The volume stays open here, whether or not it has clients, until ``release``.

        Clients that came before another daemon had handed it over have to come again.
        """

        async def acquire(use: Use) -> None:
            if use.serving is not None and use.serving.is_standby:
                await self._uses.close_serving(name, use)
            await self._uses.opened(name, use)
            use.is_held = True

        await self._uses.with_lock(name, acquire)

    async def release(self, name: str) -> None:
        """
        The volume closes when nobody uses it.
        """

        async def release(use: Use) -> None:
            use.is_held = False
            await self._uses.end(name, use)

        await self._uses.with_lock(name, release)

    async def exclusively(
        self,
        name: str,
        operation: Callable[[], Awaitable[T]],
        patience_s: float = LEASE_PATIENCE_S,
    ) -> T:
        """
        Does ``operation`` while the volume is not open.  Raises VolumeBusy.

        patience_s: for another process to let go of the volume.
        """

        async def alone(use: Use) -> T:
            if not await use.until(lambda: not use.is_busy, self.grace_s):
                raise VolumeBusy(f"{name}: open for a client")
            was_held, use.is_held = use.is_held, False
            await self._own_calls.drop(use)
            await self._uses.close_serving(name, use)
            try:
                return await self._patiently(operation, patience_s)
            finally:
                if was_held:
                    self._uses.in_background(name, self._hold_again(name))

        return await self._uses.with_lock(name, alone)

    async def _hold_again(self, name: str) -> None:
        with contextlib.suppress(NoSuchVolume):  # removed or renamed
            await self.acquire(name)

    async def _patiently(
        self, operation: Callable[[], Awaitable[T]], patience_s: float = LEASE_PATIENCE_S
    ) -> T:
        """
        Waits for a lease that another process may be about to let go.
        """
        deadline_s = self._reactor.seconds() + patience_s
        while True:
            try:
                return await operation()
            except VolumeBusy:
                if self._reactor.seconds() >= deadline_s:
                    raise
            await deferLater(self._reactor, LEASE_RETRY_S)

    async def while_open(
        self,
        name: str,
        operation: Callable[[IServing], Awaitable[T]],
        otherwise: Callable[[], Awaitable[T]],
    ) -> T:
        """
        Does ``operation``, with the clients there; ``otherwise`` if the volume is not open.
        """

        async def act(use: Use) -> T:
            if use.serving is None:
                return await self._patiently(otherwise)
            return await operation(await self._uses.opened(name, use))

        return await self._uses.with_lock(name, act)

    async def while_borrowed(self, name: str, operation: Callable[[IServing], Awaitable[T]]) -> T:
        """
        Does ``operation``, which may take long, on the open volume, whose clients may come and go.
        """

        async def borrow(use: Use) -> tuple[Use, IServing]:
            serving = await self._uses.opened(name, use)
            use.borrows += 1
            return use, serving

        use, serving = await self._uses.with_lock(name, borrow)
        try:
            return await operation(serving)
        finally:
            use.borrows -= 1
            use.tell()
            self._uses.end_soon(name, use)
