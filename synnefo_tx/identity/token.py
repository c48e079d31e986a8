"""
What a token says: who, in which project, with which roles, until when.
"""

from __future__ import annotations

import msgspec


class Token(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """
    Times are seconds since the epoch, UTC.  project_id is "" for an unscoped token.

    Sealed as an array, for shortness: new fields go to the end and have a default, so that tokens
    of the release before stay good.
    """

    user_id: str
    user_name: str
    user_domain_id: str
    project_id: str
    project_name: str
    project_domain_id: str
    roles: tuple[str, ...]
    methods: tuple[str, ...]
    issued_at: int
    expires_at: int
    audit_id: str
    parent_audit_id: str = ""

    @property
    def is_admin(self) -> bool:
        """
        True for the cloud's administrators.
        """
        return "admin" in self.roles
