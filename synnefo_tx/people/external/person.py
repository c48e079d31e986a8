"""
A person as another provider tells of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from synnefo_tx.people.external.settings import AccountRules

LONGEST = 255
MOST_GROUPS = 500


@frozen
class Person:
    """
    identifier: never changes and is never given to another, within the provider.  roles: names of
    a project and of a role there.
    named_there: the account here follows when the name changes there.
    """

    provider: str
    identifier: str
    name: str
    email: str = ""
    email_verified: bool = False
    groups: tuple[str, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    named_there: bool = False


def is_storable(text: str) -> bool:
    """
    Whether a text is one that accounts may have: neither empty nor with characters that nobody
    sees, or no database keeps.
    """
    return bool(text) and text.isprintable()


def person_of(
    provider: str,
    identifier: str,
    told: Mapping[str, Any],
    rules: AccountRules,
    name: str,
) -> Person:
    """
    What is told of the person, as the rules read it.  told: claims, or attributes of an entry.
    """
    email = told.get("email")
    email = email.strip() if isinstance(email, str) and len(email) <= LONGEST else ""
    email = email if is_storable(email) else ""
    groups = values(told, rules.groups_claim) if rules.groups_claim else ()
    roles = [
        (rule.project, rule.role) for rule in rules.roles if rule.value in values(told, rule.claim)
    ]
    return Person(
        provider=provider,
        identifier=identifier,
        name=name[:LONGEST],
        email=email,
        email_verified=told.get("email_verified") is True,
        groups=tuple(dict.fromkeys(groups))[:MOST_GROUPS],
        roles=tuple(dict.fromkeys(roles)),
    )


def values(told: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    """
    The texts of a claim that is a text or a list of them.  A dot goes into an object:
    "realm_access.roles".
    """
    found: Any = told.get(claim)
    if found is None and "." in claim:
        found = told
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, (list, tuple)) else [found]
    return tuple(
        one
        for one in listed
        if isinstance(one, str) and is_storable(one[: LONGEST + 1]) and len(one) <= LONGEST
    )
