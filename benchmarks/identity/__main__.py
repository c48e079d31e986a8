"""
``python -m benchmarks.identity``: the identity API with one and two workers, beside Keystone.

BENCH_ROUNDS (3): measurements of each cell, of which the median counts.  BENCH_SECONDS (2): how
long one lasts.  BENCH_PEER=no: without Keystone.
"""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks.block.meter import patience
from benchmarks.identity import hashes, keystone, ours
from benchmarks.identity.load import Measured, put
from benchmarks.identity.place import Place
from benchmarks.identity.report import against, at_least, at_most, cheaper

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
WITH_PEER = os.environ.get("BENCH_PEER", "yes") != "no"
PEER = "keystone"
WORKERS = (1, 2)
CLIENTS = (1, 8)
GOALS = {"validate": 20.0, "projects": 10.0, "issue": None, "renew": None}
BESIDES_HASH_MS = 2.0
LINEAR = 1.6  # of two; the client takes its part of two cores
NO_DEARER = 0.9  # an answer of one worker to one of two: what lets them add up where cores are free
Cell = tuple[str, str, int]


def main() -> None:
    """
    Prints every figure.
    """
    hash_ms = hashes.argon_ms()
    with ExitStack() as stack:
        places: dict[str, Place] = {}
        if WITH_PEER:
            keystone.install()
            rounds, bcrypt_ms = hashes.nearest_rounds(keystone.BIN / "python", hash_ms)
            print(f"hashes: argon2 {hash_ms:.1f} ms, bcrypt {rounds} rounds {bcrypt_ms:.1f} ms")
            places[PEER] = stack.enter_context(keystone.running(rounds))
        for workers in WORKERS:
            places[f"w{workers}"] = stack.enter_context(ours.running(workers))
        for place in places.values():
            place.fill()
        print(f"load: {os.getloadavg()[0]:.1f} before", flush=True)
        medians = _medians(_measured(places))
        hash_ms = statistics.mean([hash_ms, hashes.argon_ms()])
    for line in _lines(medians, hash_ms):
        print(line)


def _measured(places: Mapping[str, Place]) -> Mapping[Cell, list[Measured]]:
    """
    Every cell, round after round, so that a disturbance hits all alike.
    """
    found: dict[Cell, list[Measured]] = defaultdict(list)
    loads = {name: place.loads() for name, place in places.items()}
    for _ in range(ROUNDS):
        for load in GOALS:
            for clients in CLIENTS:
                for name in places:
                    asked = loads[name][load]
                    patience.wait()
                    measured = put(asked, clients, SECONDS, places[name].processes)
                    found[name, load, clients].append(measured)
    return found


def _medians(found: Mapping[Cell, list[Measured]]) -> dict[Cell, Measured]:
    return {
        cell: Measured(
            statistics.median(one.rate for one in rounds),
            statistics.median(one.median_ms for one in rounds),
            statistics.median(one.cpu_ms for one in rounds),
        )
        for cell, rounds in found.items()
    }


def _lines(medians: Mapping[Cell, Measured], hash_ms: float) -> list[str]:
    lines = []
    for (name, load, clients), measured in sorted(medians.items()):
        row = f"{load}-{clients}-{name}"
        if WITH_PEER and name != PEER:
            peer = medians[PEER, load, clients]
            lines.append(against(row, measured.rate, "1/s", peer.rate, GOALS[load]))
            lines.append(cheaper(f"{row}-cpu", measured.cpu_ms, "ms", peer.cpu_ms))
        else:
            told = f"{measured.rate:.1f} 1/s {measured.cpu_ms:.3f} ms of processors"
            lines.append(f"alone: {row} {told}")
    return lines + _besides_hash(medians, hash_ms) + _second_worker(medians)


def _besides_hash(medians: Mapping[Cell, Measured], hash_ms: float) -> list[str]:
    """
    Whoever shows a token for a password gets the same work without the hash.  The difference has
    what the hash does to the caches, and that it takes longer among other work.
    """
    without, with_hash = (medians["w1", load, 1].cpu_ms for load in ("renew", "issue"))
    return [
        at_most("issue-without-hash", without, "ms", BESIDES_HASH_MS),
        at_most("issue-besides-hash", with_hash - hash_ms, "ms", BESIDES_HASH_MS),
    ]


def _second_worker(medians: Mapping[Cell, Measured]) -> list[str]:
    lines = []
    for load in GOALS:
        one, two = medians["w1", load, 8], medians["w2", load, 8]
        lines.append(at_least(f"{load}-second-worker", two.rate / one.rate, "times", LINEAR))
        dearer = one.cpu_ms / two.cpu_ms
        lines.append(at_least(f"{load}-second-worker-cpu", dearer, "times", NO_DEARER))
    return lines


if __name__ == "__main__":
    main()
