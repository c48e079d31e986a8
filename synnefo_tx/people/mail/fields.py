"""
What each letter's text may name, beside `$cloud`, what the cloud is called.
"""

from __future__ import annotations

_PERSON = frozenset({"name", "url"})
_OWN = frozenset({"name", "url", "email"})
_DECIDED = frozenset({"name", "url", "email", "reason"})
_PROJECT = frozenset({"project", "url", "user", "reason"})
_APPLIED = frozenset({"project", "url", "application", "comments"})
_ANSWERED = frozenset({"project", "url", "application", "reason"})

FIELDS: dict[str, frozenset[str]] = {
    "verify": _PERSON,
    "address-known": _PERSON,
    "name-taken": _PERSON,
    "person-waits": _DECIDED,
    "account-accepted": _DECIDED,
    "account-rejected": _DECIDED,
    "account-deactivated": _DECIDED,
    "reset": _PERSON,
    "no-password": _PERSON,
    "password-changed": _PERSON,
    "log-in-changed": _PERSON | {"what"},
    "change-email": _OWN,
    "address-in-use": _OWN,
    "email-change-asked": _OWN,
    "email-changed": _OWN,
    "application-submitted": _APPLIED,
    "modification-submitted": _APPLIED,
    "application-approved": _ANSWERED,
    "application-denied": _ANSWERED,
    "project-suspended": _PROJECT,
    "project-unsuspended": _PROJECT,
    "project-terminated": _PROJECT,
    "project-reinstated": _PROJECT,
    "join-requested": _PROJECT,
    "leave-requested": _PROJECT,
    "member-accepted": _PROJECT,
    "member-rejected": _PROJECT,
    "member-removed": _PROJECT,
    "member-enrolled": _PROJECT,
    "feedback": frozenset({"url", "user", "message", "data"}),
}
