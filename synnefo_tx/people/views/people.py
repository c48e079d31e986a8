"""
Those who signed up, and terms of use, as JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from synnefo_tx.people.model import Person, Terms


def person_view(person: Person) -> dict[str, Any]:
    """
    As administrators see somebody.
    """
    return {
        "id": person.user_id,
        "name": person.name,
        "domain_id": person.domain_id,
        "email": person.email,
        "state": person.state,
        "registered_at": moment(person.registered_at),
        "verified_at": moment(person.verified_at),
        "moderated_at": moment(person.moderated_at),
        "reason": person.reason,
        "signed_terms": person.signed_version,
    }


def terms_view(terms: Terms) -> dict[str, Any]:
    """
    As anybody sees them.
    """
    return {
        "version": terms.version,
        "content": terms.content,
        "published_at": moment(terms.published_at),
    }


def moment(at: int | None) -> str | None:
    """
    "2026-11-25T12:00:00Z", of seconds since the epoch.
    """
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
