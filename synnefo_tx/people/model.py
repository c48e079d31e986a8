"""
What the rest of people works with.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import field, frozen

PATH = "/v1.0/people"  # below the account service
TERMS_PATH = f"/account{PATH}/terms"


class Moderation(StrEnum):
    """
    What was decided of somebody who signed up.
    """

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class State(StrEnum):
    """
    How far somebody who signed up has come.
    """

    UNVERIFIED = "unverified"
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DEACTIVATED = "deactivated"


@frozen
class Person:
    """
    Somebody who signed up.  Times are seconds.  reason: why it was decided so.
    """

    user_id: str
    name: str
    domain_id: str
    email: str
    state: State
    registered_at: int
    verified_at: int | None
    moderated_at: int | None
    reason: str = ""
    signed_version: int | None = None


@frozen
class Registration:
    """
    What somebody who signs up wants to be.  signs: version of the terms that is signed with it.
    """

    name: str
    email: str
    domain_id: str
    password_hash: str = field(repr=False)
    password_expires_at: int | None = None
    signs: int | None = None


@frozen
class Terms:
    """
    A version of the terms of use.  published_at: seconds; None: not known.
    """

    version: int
    content: str
    published_at: int | None
