"""
Settings of signing up: `[sign_up]` in `api.toml`.
"""

from __future__ import annotations

import re

import msgspec

from synnefo_tx.people.errors import BadField
from synnefo_tx.people.rules.addresses import read_address

DAY_S = 86400


class SignUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    open: whether people may register by themselves.  domain_id: where they do.

    moderated: an administrator accepts each one whose address none of `accept` matches; else all
    whose address is verified are accepted.  accept: regular expressions for whole addresses, case
    ignored.  moderators: addresses that are told of those who wait.
    verify_s: how long somebody has to verify an address; then the registration is forgotten.
    reset_s: how long a link sets another password.  change_email_s: how long one verifies the new
    address of an account.
    """

    open: bool = False
    domain_id: str = "default"
    moderated: bool = True
    accept: tuple[str, ...] = ()
    moderators: tuple[str, ...] = ()
    verify_s: int = 3 * DAY_S
    reset_s: int = 3600
    change_email_s: int = DAY_S

    def __post_init__(self) -> None:
        for pattern in self.accept:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        for address in self.moderators:
            try:
                read_address(address)
            except BadField as error:
                raise ValueError(f"{address!r} is no e-mail address") from error
        if min(self.verify_s, self.reset_s, self.change_email_s) < 60:
            raise ValueError("nobody reads mail in less than a minute")

    def accepted_by(self, email: str) -> str:
        """
        Why somebody who has verified this address is accepted at once; "": a moderator decides.
        """
        if not self.moderated:
            return "not moderated"
        for pattern in self.accept:
            if re.fullmatch(pattern, email, re.IGNORECASE):
                return f"the address matches {pattern}"
        return ""
