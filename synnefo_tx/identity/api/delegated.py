"""
What tokens may not do that somebody else's right gave: trusts and application credentials.

Source: Keystone's keystone/api/users.py, credentials.py and trusts.py, release 2026.1.
"""

from __future__ import annotations

from synnefo_tx.errors import Forbidden
from synnefo_tx.http.call import Call
from synnefo_tx.identity.faults import ActionForbidden


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
