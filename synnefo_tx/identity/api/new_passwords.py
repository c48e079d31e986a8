"""
A password that a user chooses: what it must not be, and how it is kept.
"""

from __future__ import annotations

from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.faults import PasswordUsedBefore
from synnefo_tx.identity.model import User
from synnefo_tx.identity.rows import users
from synnefo_tx.identity.rules.compliance import end_of_password


async def check_unused(context: Context, user: User, password: str) -> None:
    """
    Raises PasswordUsedBefore when it is one of the user's last, where a rule forbids that.
    """
    count = context.gate.policy.unique_last_password_count
    if not count:
        return
    before = await context.database.read(users.hashes_before, user.id, count - 1)
    for known_hash in (user.password_hash, *before):
        if await context.passwords.verify(known_hash, password):
            raise PasswordUsedBefore(count)


async def hashed(context: Context, user: User, password: str) -> users.NewPassword:
    """
    In the place of the one that the user has.
    """
    policy = context.gate.policy
    return users.NewPassword(
        user.id,
        await context.passwords.hash(password),
        replaces=user.password_hash or "",
        expires_at=end_of_password(policy, user.options, int(context.clock()), own=True),
        keep=users.kept(policy),
    )
