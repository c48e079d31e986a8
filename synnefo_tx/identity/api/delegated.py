"""
What tokens may not do that somebody else's right gave: trusts and application credentials.

Source: Keystone's keystone/api/users.py, credentials.py and trusts.py, release 2026.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.errors import Forbidden
from synnefo_tx.http.call import Call
from synnefo_tx.identity.faults import ActionForbidden
from synnefo_tx.identity.rules.totp import TOTP


def refuse_trusts(call: Call) -> None:
    """
    Raises Forbidden for a token of a trust.
    """
    if call.token.trust_id:
        raise Forbidden("Cannot manage application credentials with a token issued via delegation.")


def refuse_restricted(call: Call, what: str) -> None:
    """
    Raises ActionForbidden for a token of an application credential that is restricted.  what: that
    it would manage.
    """
    if call.token.restricted:
        raise ActionForbidden(
            f"Using method 'application_credential' is not allowed for managing additional {what}."
        )


def refuse_application_credentials(call: Call) -> None:
    """
    Raises ActionForbidden for a token of an application credential, restricted or not.
    """
    if call.token.application_credential_id:
        raise ActionForbidden(
            "Using method 'application_credential' is not allowed for managing trusts."
        )


def is_delegated(call: Call) -> bool:
    """
    Whether the caller's token is of a trust or of an application credential.
    """
    return bool(call.token.trust_id or call.token.application_credential_id)


def refuse_other_projects(
    call: Call, credential: Mapping[str, Any], what: str = "Credential"
) -> None:
    """
    Raises ActionForbidden for a delegated token, unless the credential is of the token's project.
    Second factors are of no project, so that nobody who has such a token gets at them.
    """
    if not is_delegated(call):
        return
    if credential.get("project_id") != call.token.project_id or credential.get("type") == TOTP:
        raise ActionForbidden(
            f"{what} project does not match the project scope of the delegated token"
        )
