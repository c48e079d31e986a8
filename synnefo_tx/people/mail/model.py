"""
Letters, and what can become of one.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen
from zope.interface import Interface


@frozen
class Letter:
    """
    One that is ours to send.  claim: whose it is.  filling: values of the template, secrets among
    them.  tries: with this one.  Times are seconds since the epoch.
    """

    id: str
    claim: str
    template: str
    recipient: str
    filling: Mapping[str, str] = field(repr=False)
    queued_at: int
    ends_at: int | None
    tries: int


class NotNow(Exception):
    """
    A letter was not taken, and may be later: the server is away, busy, or set up wrong.
    """


class Refused(Exception):
    """
    A letter was refused for good.
    """


class ICarrier(Interface):
    """
    Brings letters to a mail server.
    """

    async def carry(to: str, content: bytes) -> None:
        r"""
        Returns once the server has taken the letter on.  content: headers and body, lines end in
        \n.  Raises NotNow and Refused.  After NotNow the server may have taken it all the same.
        """
