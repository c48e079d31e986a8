"""
Receipts: who has shown one factor gets one, and shows it together with the next.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from synnefo_tx.identity.secret_box import SecretBox, SecretGarbled

LIFETIME_S = 300  # Keystone's [receipt] expiration
KIND = "receipt"


class Receipt(msgspec.Struct, frozen=True, array_like=True):
    """
    Times are seconds since the epoch.
    """

    user_id: str
    methods: tuple[str, ...]
    issued_at: int
    expires_at: int


class ReceiptBox:
    """
    Seals and opens receipts.  clock: seconds since the epoch.
    """

    def __init__(self, box: SecretBox, clock: Callable[[], float]) -> None:
        self._box = box
        self._clock = clock

    def issue(self, user_id: str, methods: tuple[str, ...]) -> tuple[Receipt, str]:
        """
        A new receipt, and its text.
        """
        now = int(self._clock())
        receipt = Receipt(user_id, methods, now, now + LIFETIME_S)
        return receipt, self._box.seal_value(KIND, receipt)

    def open(self, text: str) -> Receipt | None:
        """
        What a text says; None: it is worth nothing.
        """
        try:
            receipt = self._box.open_value(KIND, text, Receipt)
        except SecretGarbled:
            return None
        return receipt if receipt.expires_at > self._clock() else None
