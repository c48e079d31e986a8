"""
Who has come to use more than a limit allows, and who does no more: values, handed to a policy that
may do something about it.  Nothing is taken away by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen
from zope.interface import Interface, implementer

from synnefo_tx.quota.model import Key


@frozen
class Move:
    """
    A holding that is above its limit since it was told last, or no longer.
    """

    key: Key
    is_over: bool
    limit: int
    used: int

    @property
    def view(self) -> dict[str, Any]:
        """
        As policies outside of this process are told.
        """
        return {
            "holder": self.key.holder,
            "source": self.key.source or None,
            "resource": self.key.resource,
            "over": self.is_over,
            "limit": self.limit,
            "used": self.used,
        }


class IOverQuota(Interface):
    """
    What a site does about those who are above a limit.
    """

    async def moved(moves: Sequence[Move]) -> None:
        """
        Do it.  Whatever this raises, the same is told again later, as it is then; it may also be
        told twice when a process dies meanwhile.
        """


@implementer(IOverQuota)
@define
class MemoryPolicy:
    """
    Keeps what it was told, for tests.  failure: raised instead.
    """

    told: list[list[Move]] = field(factory=list)
    failure: Exception | None = None

    async def moved(self, moves: Sequence[Move]) -> None:
        """
        Remember it.
        """
        if self.failure is not None:
            raise self.failure
        self.told.append(list(moves))
