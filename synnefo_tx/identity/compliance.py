"""
[security_compliance]: what is asked of passwords and accounts, by Keystone's own names.

Source: Keystone's keystone/conf/security_compliance.py, release 2026.1.
"""

from __future__ import annotations

import re

import msgspec


class SecurityCompliance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    None or 0 leaves a rule out.  ValueError when the values make no sense.

    lockout_failure_attempts: so many wrong passwords in a row lock the account, for
    lockout_duration, seconds (0: until an administrator enables the user again).
    disable_user_account_days_inactive: who does not log in for so many days can't any more.
    password_expires_days: how long a new password lives.  unique_last_password_count: a user's new
    password is none of the last so many, the present one among them.  minimum_password_age: days
    before users may change a password that they have set themselves.  password_regex: what every
    new password matches, from its start; password_regex_description says it to people.
    change_password_upon_first_use: a password that an administrator has set is only good for
    setting another.
    """

    lockout_failure_attempts: int | None = None
    lockout_duration: int = 1800
    disable_user_account_days_inactive: int | None = None
    password_expires_days: int | None = None
    unique_last_password_count: int = 0
    minimum_password_age: int = 0
    password_regex: str | None = None
    password_regex_description: str | None = None
    change_password_upon_first_use: bool = False

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, int) and value < 0:
                raise ValueError(f"{name} is negative")
        try:
            re.compile(self.password_regex or "")
        except re.error as error:
            raise ValueError(f"password_regex: {error}") from error
