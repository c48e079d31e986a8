"""
How long to wait after wrong passwords: longer each time, twice as long as the time before.
"""

from __future__ import annotations

from attrs import frozen

from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.model import User
from synnefo_tx.identity.rules.compliance import is_locked


@frozen
class Limits:
    """
    free: wrong attempts in a row that cost nothing.  longest_s: the longest wait, seconds.
    """

    free: int
    longest_s: int


OF_ACCOUNT = Limits(free=5, longest_s=60)
OF_ADDRESS = Limits(free=20, longest_s=300)  # many people may share one


def delay_s(failures: int, limits: Limits) -> int:
    """
    The wait, seconds, after so many wrong attempts in a row: 0, ... 0, 1, 2, 4, ...
    """
    beyond = failures - limits.free
    return 0 if beyond < 0 else min(limits.longest_s, 1 << min(beyond, 30))


def is_held(policy: SecurityCompliance, user: User, now: int) -> bool:
    """
    Whether no password is taken for the user at present: the account is locked, or the last of
    many wrong attempts, wherever they were made, is too short a time ago.
    """
    if user.options.get("ignore_lockout_failure_attempts"):
        return False
    wait_s = delay_s(user.failed_logins, OF_ACCOUNT)
    return is_locked(policy, user, now) or now < (user.failed_login_at or 0) + wait_s
