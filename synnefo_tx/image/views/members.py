"""
A membership as Glance shows it.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.image.model import Member
from synnefo_tx.image.views.images import shown_time


def shown(member: Member) -> dict[str, Any]:
    """
    The membership's JSON.
    """
    return {
        "member_id": member.member,
        "image_id": member.image_id,
        "status": member.status,
        "created_at": shown_time(member.created_at),
        "updated_at": shown_time(member.updated_at),
        "schema": "/v2/schemas/member",
    }
