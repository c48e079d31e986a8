"""
``python -m benchmarks.guests``: two machines of a cluster with an archipelagod each, real QEMUs.

GUESTS_ROUNDS: of starts and of journeys (5).  GUESTS_CROWD: guests at once (20).
"""

from __future__ import annotations

import sys

from twisted.scripts.trial import run

if __name__ == "__main__":
    sys.argv[1:] = ["--temp-directory=_trial_temp-guests", "benchmarks.guests.bench"]
    run()
