"""
When a letter is tried again.
"""

from __future__ import annotations

from synnefo_tx.people.mail.model import Letter

FIRST_S = 30
LONGEST_S = 3600


def next_try(letter: Letter, now: int, give_up_s: int) -> int | None:
    """
    Seconds since the epoch: 30 s after the first try, and each wait is twice the one before, up to
    an hour.  None: never, since nobody needs it any more, or it was tried for so long.
    """
    at = now + min(LONGEST_S, FIRST_S * 2 ** min(letter.tries - 1, 20))
    end = letter.queued_at + give_up_s
    if letter.ends_at is not None:
        end = min(end, letter.ends_at)
    return at if at < end else None
