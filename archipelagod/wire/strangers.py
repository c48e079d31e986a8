"""
Connections whose clients have not said yet who they are.
"""

from __future__ import annotations

from typing import Protocol

MAX_STRANGERS = 256


class IStranger(Protocol):
    """
    Such a connection.
    """

    def dismiss(self, reason: str) -> None:
        """
        Ends the connection.
        """


class Strangers:
    """
    At most MAX_STRANGERS; when one more comes, the one that waits longest has to go, so that they
    can't keep others out.
    """

    def __init__(self, limit: int = MAX_STRANGERS) -> None:
        self._limit = limit
        self._waiting: dict[IStranger, None] = {}  # in the order of their arrival

    def arrive(self, stranger: IStranger) -> None:
        """
        A connection was made.
        """
        self._waiting[stranger] = None
        if len(self._waiting) > self._limit:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.dismiss("too many clients that don't say who they are")

    def leave(self, stranger: IStranger) -> None:
        """
        It is known now, or gone.
        """
        self._waiting.pop(stranger, None)
