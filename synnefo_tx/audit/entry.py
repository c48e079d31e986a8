"""
One line of the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen


@frozen
class Entry:
    """
    action: a permission, such as "identity:create_user".  user_id: "" when nobody is known.
    details: what changed, without any secret.
    """

    action: str
    target_kind: str
    target_id: str
    user_id: str = ""
    project_id: str = ""
    address: str = ""
    request_id: str = ""
    outcome: str = "success"
    details: Mapping[str, Any] = field(factory=dict)
