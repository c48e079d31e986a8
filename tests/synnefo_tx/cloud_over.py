"""
What services are made over in tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synnefo_tx.http.cloud import Cloud


def cloud_over(database: Any, authenticate: Any, clock: Callable[[], float], **given: Any) -> Cloud:
    """
    A cloud without storage and clusters, whose wishes nobody waits for, but for what is `given`.
    """
    usual: dict[str, Any] = {"kick": lambda: None, "clusters": None, "blocks": None}
    return Cloud(database=database, authenticate=authenticate, clock=clock, **(usual | given))
