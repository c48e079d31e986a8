"""
What the quotaholder refuses, with the names and data that Synnefo's clients know.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.errors import NotFound, OverQuota
from synnefo_tx.quota.model import Holding, Provision


class Exceeded(OverQuota):
    """
    Taking `asked` of `resource` would pass its limit.
    """

    def __init__(self, resource: str, asked: int, holding: Holding) -> None:
        super().__init__(
            f"Quota exceeded for {resource}: Requested {asked}, but already used "
            f"{holding.used} of {holding.limit} {resource}"
        )
        self.resource, self.asked, self.holding = resource, asked, holding


def told(provision: Provision) -> dict[str, Any]:
    """
    A provision as commissions tell it.
    """
    key = provision.key
    return {
        "holder": key.holder,
        "source": key.source or None,
        "resource": key.resource,
        "quantity": provision.quantity,
    }


class OverLimit(OverQuota):
    """
    A commission that can't be.  data: the provision, the limit and what is used.
    """

    def __init__(self, message: str, provision: Provision, limit: int, usage: int) -> None:
        super().__init__(message)
        self.data = {
            "name": type(self).__name__,
            "provision": told(provision),
            "limit": limit,
            "usage": usage,
        }


class NoCapacityError(OverLimit):
    """
    More than the limit.
    """


class NoQuantityError(OverLimit):
    """
    More is given back than was used.
    """


class NoHoldingError(NotFound):
    """
    Nobody such, or no such resource.
    """

    def __init__(self, provision: Provision) -> None:
        key = provision.key
        place = (key.holder, key.source or None, key.resource)
        super().__init__(f"There is no such holding {place}")
        self.data = {"name": type(self).__name__, "provision": told(provision)}


class NoCommission(NotFound):
    """
    No such commission of this client's, or one that is resolved already.
    """

    def __init__(self, serial: int) -> None:
        super().__init__(f"serial {serial} does not exist")
