"""
Revocations as Keystone's OS-REVOKE extension tells them.

Source: Keystone's API reference, "OS-REVOKE"; keystone/models/revoke_model.py, release 2026.1.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.rules.moments import moment_us

_NAMES = {
    RevocationKind.TOKEN: "audit_id",
    RevocationKind.USER: "user_id",
    RevocationKind.PROJECT: "project_id",
    RevocationKind.DOMAIN: "domain_id",
    RevocationKind.ROLE: "role_id",
    RevocationKind.TRUST: "OS-TRUST:trust_id",
    RevocationKind.APPLICATION_CREDENTIAL: "application_credential_id",
}


def revoke_event_view(revocation: Revocation) -> dict[str, Any]:
    """
    One event.  That of a grant names its user and where it was.
    """
    told: dict[str, Any] = {"issued_before": f"{moment_us(revocation.issued_before * 10**6)}Z"}
    if revocation.kind is RevocationKind.GRANT:
        user_id, _, place = revocation.subject.partition("/")
        return told | {"user_id": user_id, "project_id": place}
    if revocation.kind is RevocationKind.IMPLIED:
        return told | {"role_id": revocation.subject.rpartition("/")[2]}
    return told | {_NAMES[revocation.kind]: revocation.subject}
