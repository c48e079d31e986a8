"""
``python -m tests.chaos``: many rounds; see docs/developing.md.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time

from tests.chaos.daemon import Daemon
from tests.chaos.rounds import Chaos


def main() -> int:
    """
    CHAOS_ROUNDS rounds, from CHAOS_SEED.
    """
    rounds = int(os.environ.get("CHAOS_ROUNDS", "200"))
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 32)))
    directory = tempfile.mkdtemp(prefix="chaos")
    print(f"{rounds} rounds from seed {seed} in {directory}", flush=True)
    daemon = Daemon(directory)
    chaos = Chaos(daemon, seed)
    started_s = time.monotonic()
    try:
        daemon.start()
        chaos.populate()
        for number in range(rounds):
            chaos.round()
            if number % 8 == 7:
                chaos.check_settled()
            if number % 40 == 39 or number == rounds - 1:
                chaos.delete_all()
                chaos.populate()
            if number % 10 == 9:
                print(f"{number + 1} rounds, {time.monotonic() - started_s:.0f} s", flush=True)
    finally:
        daemon.end()
        for kind, count in sorted(chaos.world.counts.items()):
            print(f"{count:8} {kind}")
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
