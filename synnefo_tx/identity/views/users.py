"""
Users as JSON.  base: the URL of /v3, without a trailing slash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.identity.views.token import moment

_SECRET = {
    "password_hash",
    "created_at",
    "password_created_at",
    "last_active_at",
    "failed_logins",
    "failed_login_at",
    "password_own",
}


def user_view(user: Mapping[str, Any], base: str) -> dict[str, Any]:
    """
    user: columns of its row and attributes of clients, flat.
    """
    view = {name: value for name, value in user.items() if name not in _SECRET}
    if view["default_project_id"] is None:
        del view["default_project_id"]
    ends_at = user["password_expires_at"]
    return view | {
        "password_expires_at": None if ends_at is None else moment(ends_at),
        "links": {"self": f"{base}/users/{user['id']}"},
    }
