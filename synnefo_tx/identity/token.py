"""
What a token says: who, in which project, with which roles, until when.
"""

from __future__ import annotations

import msgspec


class Token(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """
    Times are seconds since the epoch, UTC.  It is scoped to a project, a domain, the system, or
    nothing; what it isn't scoped to is "".

    restricted: may make no credentials, trusts or tokens of another scope.  access_rules: the only
    calls it is good for, as (service type, method, path); None: no such limit.  trust_chain: the
    users by whom its trust was handed on before.

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
    domain_id: str = ""
    domain_name: str = ""
    system: bool = False
    trust_id: str = ""
    trustor_id: str = ""
    trustee_id: str = ""
    application_credential_id: str = ""
    restricted: bool = False
    access_rules: tuple[tuple[str, str, str], ...] | None = None
    trust_chain: tuple[str, ...] = ()

    @property
    def is_admin(self) -> bool:
        """
        True for the cloud's administrators.
        """
        return "admin" in self.roles
