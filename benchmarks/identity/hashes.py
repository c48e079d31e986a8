"""
What a password costs: our Argon2, and the bcrypt rounds that come nearest to it.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from synnefo_tx.identity.passwords import Passwords, matches

_TIMED = """
import bcrypt, time
for rounds in range(4, 14):
    salt = bcrypt.gensalt(rounds)
    taken = []
    for _ in range(3):
        began = time.process_time()
        bcrypt.hashpw(b"a password", salt)
        taken.append(time.process_time() - began)
    print(rounds, 1000 * sorted(taken)[1])
"""


def argon_ms(times: int = 15) -> float:
    """
    The median of one check, milliseconds of the processor.
    """
    known = Passwords.hash_now("a password")
    return statistics.median(_timed(lambda: matches(known, "a password")) for _ in range(times))


def nearest_rounds(python: Path, wanted_ms: float) -> tuple[int, float]:
    """
    bcrypt's rounds, and what they cost.  python: an interpreter that has bcrypt.
    """
    said = subprocess.run([python, "-c", _TIMED], check=True, stdout=subprocess.PIPE, text=True)
    known = [(int(line.split()[0]), float(line.split()[1])) for line in said.stdout.splitlines()]
    return min(known, key=lambda one: abs(one[1] - wanted_ms))


def _timed(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return 1000 * (time.process_time() - began)
