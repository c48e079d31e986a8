"""
What a login that needs more factors is answered.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.identity.receipts import Receipt
from synnefo_tx.identity.rules.login import MoreMethodsNeeded
from synnefo_tx.identity.views.token import moment


def receipt_view(receipt: Receipt, more: MoreMethodsNeeded) -> dict[str, Any]:
    domain = {"id": more.domain.id, "name": more.domain.name}
    return {
        "receipt": {
            "methods": list(receipt.methods),
            "user": {"id": more.user.id, "name": more.user.name, "domain": domain},
            "expires_at": moment(receipt.expires_at),
            "issued_at": moment(receipt.issued_at),
        },
        "required_auth_methods": more.required,
    }
