"""
Commissions as Synnefo shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from synnefo_tx.quota.errors import told
from synnefo_tx.quota.model import Provision

Json = dict[str, Any]


def commission(serial: int, name: str, issued_at: int, provisions: Iterable[Provision]) -> Json:
    """
    A pending commission.  issued_at: microseconds since the epoch.
    """
    when = datetime.fromtimestamp(issued_at / 1e6, UTC)
    return {
        "serial": serial,
        "name": name,
        "issue_time": when.isoformat(timespec="microseconds"),
        "provisions": [told(one) for one in provisions],
    }


def resolved(
    accepted: list[int], rejected: list[int], missing: list[int], conflicting: list[int]
) -> Json:
    """
    What became of several.
    """
    failed: list[list[Any]] = [[serial, _missing(serial)] for serial in missing]
    failed += [[serial, _conflicting(serial)] for serial in conflicting]
    return {"accepted": accepted, "rejected": rejected, "failed": failed}


def _missing(serial: int) -> Json:
    return {"itemNotFound": {"code": 404, "message": f"serial {serial} does not exist"}}


def _conflicting(serial: int) -> Json:
    message = f"cannot both accept and reject serial {serial}"
    return {"badRequest": {"code": 400, "message": message}}
