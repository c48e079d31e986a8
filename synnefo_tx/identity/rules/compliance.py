"""
The rules of passwords and accounts: when one is locked, expired, too young or too weak.

Times are seconds since the epoch.  Source: Keystone's keystone/identity/backends/sql.py and
sql_model.py, release 2026.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.faults import (
    PasswordIsLocked,
    PasswordTooWeak,
    PasswordTooYoung,
)
from synnefo_tx.identity.model import User

DAY_S = 86400


def is_locked(policy: SecurityCompliance, user: User, now: int) -> bool:
    """
    Whether so many wrong passwords were given that not even the right one is taken.
    """
    most = policy.lockout_failure_attempts
    if not most or user.failed_logins < most:
        return False
    if user.options.get("ignore_lockout_failure_attempts"):
        return False
    return (
        not policy.lockout_duration or now < (user.failed_login_at or 0) + policy.lockout_duration
    )


def is_expired(user: User, now: int) -> bool:
    """
    Whether the password is only good for setting another.
    """
    ends_at = user.password_expires_at
    return ends_at is not None and ends_at <= now and not user.options.get("ignore_password_expiry")


def is_inactive(policy: SecurityCompliance, user: User, now: int) -> bool:
    """
    Whether the last log-in is so many days ago that the user counts as disabled.  Days are those
    of the calendar, in UTC.
    """
    most = policy.disable_user_account_days_inactive
    last = user.last_active_at or user.created_at
    if not most or not last or user.options.get("ignore_user_inactivity"):
        return False
    return now // DAY_S - last // DAY_S >= most


def end_of_password(
    policy: SecurityCompliance, options: Mapping[str, Any], now: int, *, own: bool
) -> int | None:
    """
    When a password that is set now ends; None: never.  own: the user sets it.
    """
    must_change = policy.change_password_upon_first_use and not own
    if must_change and not options.get("ignore_change_password_upon_first_use"):
        return now
    if policy.password_expires_days and not options.get("ignore_password_expiry"):
        return now + policy.password_expires_days * DAY_S
    return None


def check_strength(policy: SecurityCompliance, password: str) -> None:
    """
    Raises PasswordTooWeak unless a new password is as it must be.
    """
    if policy.password_regex and not re.match(policy.password_regex, password):
        raise PasswordTooWeak(policy.password_regex_description)


def check_own_change(policy: SecurityCompliance, user: User, now: int) -> None:
    """
    Raises PasswordIsLocked or PasswordTooYoung when the user may not set a password now.
    """
    if user.options.get("lock_password"):
        raise PasswordIsLocked
    may_at = user.password_created_at + policy.minimum_password_age * DAY_S
    if user.password_own and now < may_at:
        raise PasswordTooYoung(policy.minimum_password_age, (may_at - now) // DAY_S)
