"""
``python -m tests.chaos``: many rounds, sweeps over system calls, pictures, faults, a full disk, two
daemons, Ceph; see docs/developing.md.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from tests.chaos.daemon import ROOT, Daemon
from tests.chaos.rounds import Chaos
from tests.chaos.sweeps import DEEDS, ERRORS, Sweep, can_trace

SETTLE_EVERY, EMPTY_EVERY = 10, 50  # rounds
TESTS = ("live_snapshots", "live_resizing", "images", "faults", "full_disk", "two_daemons", "ceph")


def main() -> int:
    """
    CHAOS_ROUNDS rounds (200) from CHAOS_SEED, then the rest.  CHAOS_PARTS: of "rounds", "sweeps"
    and "tests", by commas.  CHAOS_STORE: options of the store's address, such as direct=yes.
    """
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 32)))
    parts: dict[str, Callable[[int], int]] = {"rounds": _rounds, "sweeps": _sweeps, "tests": _tests}
    wanted = os.environ.get("CHAOS_PARTS", ",".join(parts)).split(",")
    print(f"CHAOS_SEED={seed}", flush=True)
    return max(parts[name](seed) for name in wanted)


def _rounds(seed: int) -> int:
    rounds = int(os.environ.get("CHAOS_ROUNDS", "200"))
    directory = tempfile.mkdtemp(prefix="chaos")  # kept when something is wrong
    print(f"{rounds} rounds in {directory}", flush=True)
    options = os.environ.get("CHAOS_STORE", "")
    store = f'store = "file:{directory}/state/store?{options}"\n' if options else ""
    daemon = Daemon(directory, more=store)
    chaos = Chaos(daemon, seed)
    started_s = time.monotonic()
    try:
        daemon.start()
        chaos.populate()
        for number in range(1, rounds + 1):
            chaos.round()
            if number % SETTLE_EVERY == 0:
                chaos.check_settled()
                print(f"{number} rounds, {time.monotonic() - started_s:.0f} s", flush=True)
            if number % EMPTY_EVERY == 0 or number == rounds:
                chaos.delete_all()
                chaos.populate()
    finally:
        daemon.end()
        for kind, count in sorted(chaos.world.counts.items()):
            print(f"{count:8} {kind}")
    shutil.rmtree(directory)
    return 0


def _sweeps(_: int) -> int:
    if not can_trace():
        print("strace does not work here: no sweeps over system calls")
        return 0
    status = 0
    with tempfile.TemporaryDirectory(prefix="sweeps") as directory:
        for deed in DEEDS:
            sweep = Sweep(directory, deed)
            effects = ["signal=SIGKILL", *(f"error={name}" for name in ERRORS)]
            wrong = list(sweep.wrong(effects))
            print(f"{deed}: hit at {sweep.runs} calls, {len(wrong)} wrong", *wrong, sep="\n  ")
            sys.stdout.flush()
            status = status or bool(wrong)
    return status


def _tests(seed: int) -> int:
    more = {"CHAOS_SEED": str(seed), "CHAOS_PICTURES": "20", "CHAOS_FAULTS": "6", "CHAOS_CEPH": "6"}
    command = [sys.executable, "-m", "twisted.trial", "--temp-directory=_trial_temp_chaos"]
    command += [f"tests.chaos.test_{name}" for name in TESTS]
    environment = {**os.environ, **more, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
