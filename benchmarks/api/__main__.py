"""
``python -m benchmarks.api``: what compute's and network's API answer, beside the figures of Nova
and Neutron with as many things, and whether a page costs as much in a large cloud as in a small.

BENCH_SECONDS (4): how long a cell is measured.  BENCH_SERVERS (100000): the large cloud.
"""

from __future__ import annotations

import os
import statistics

from benchmarks import api_daemon
from benchmarks.api.place import NETWORK_CIDR, PAGE, PORTS, Place, placed
from benchmarks.block.meter import patience
from benchmarks.identity.load import Load, put
from benchmarks.identity.report import at_most

SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
MANY = int(os.environ.get("BENCH_SERVERS", "100000"))
FEW = 1000
ROUNDS = 3
FLAT = 1.2  # of the small cloud's
# Milliseconds of an answer to one client, of Nova and Neutron of 2025 with two processes each on
# two cores (MariaDB, fake driver), and how many times as quick we want to be.
PEERS = {
    "servers-detail": ("nova", 299.0, 100.0),
    "servers-detail-2.96": ("nova", 489.0, 100.0),
    "servers": ("nova", 91.0, 20.0),
    "server-show": ("nova", 61.0, 20.0),
    "flavors-detail": ("nova", 7.8, 20.0),
    "ports": ("neutron", 72.0, 100.0),
    "networks": ("neutron", 40.0, 20.0),
    "server-create": ("nova", 61.0, 20.0),  # of showing one: its creating was not measured
    "network-create": ("neutron", 82.0, 20.0),
}


def main() -> None:
    """
    Prints every figure.
    """
    with api_daemon.running(1, NETWORK_CIDR) as api:
        place = placed(api)
        place.fill(max(PAGE, PORTS))
        for name, load in place.reads().items():
            print(_beside(name, _median_ms(load, place)), flush=True)
        for line in _growth(place):
            print(line, flush=True)
        for name, load in place.writes().items():
            print(_beside(name, _median_ms(load, place)), flush=True)


def _beside(name: str, took_ms: float) -> str:
    peer, peer_ms, goal = PEERS[name]
    ratio = peer_ms / took_ms
    verdict = "ok" if ratio >= goal else "short"
    return f"figure: {name} {took_ms:.2f} ms ratio {ratio:.1f} to {peer} goal {goal:g} {verdict}"


def _growth(place: Place) -> list[str]:
    """
    The same pages among FEW and among MANY servers.
    """
    found = {}
    for servers in (FEW, MANY):
        place.fill(servers)
        found[servers] = {name: _median_ms(load, place) for name, load in place.reads().items()}
    return [
        at_most(f"{name}-among-{MANY}", found[MANY][name] / found[FEW][name], "times", FLAT)
        for name in found[FEW]
    ]


def _median_ms(load: Load, place: Place) -> float:
    rounds = []
    for _ in range(ROUNDS):
        patience.wait()
        rounds.append(put(load, 1, SECONDS / ROUNDS, (place.api.pid,)).median_ms)
    return statistics.median(rounds)


if __name__ == "__main__":
    main()
