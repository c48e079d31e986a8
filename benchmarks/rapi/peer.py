"""
The same figures of a real Ganeti that runs.
"""

from __future__ import annotations

import os
from typing import Any

from benchmarks.rapi import jobs, reads
from benchmarks.rapi.client import Client
from benchmarks.rapi.memory import resident_beside_mib
from benchmarks.rapi.report import RECORDED

NAME = "ganeti-3.0.2"
INSTANCES = 100
WORKERS = 8


def figures() -> tuple[str, dict[str, float]]:
    """
    The peer's name and its figures: measured now, or those that were recorded of one.

    BENCH_PEER: base URL of the remote API of a Ganeti without instances, user admin, password
    secret.  BENCH_PEER_PID: a process in its pid namespace.
    """
    base, pid = os.environ.get("BENCH_PEER"), os.environ.get("BENCH_PEER_PID")
    if base is None:
        return f"{NAME}-recorded", RECORDED
    measured = dict(_measured(base))
    if pid is not None:
        measured["memory"] = resident_beside_mib(int(pid), "ganeti-")
    _clear(base)
    return NAME, measured


def _measured(base: str) -> list[tuple[str, float]]:
    client = Client(base)
    system = client.call("GET", "/2/os")[0]
    nodes = [each["id"] for each in client.call("GET", "/2/nodes")]

    def wanted(number: int) -> Any:
        """Its allocator puts 24 of them on two processors and three nodes, and no more."""
        return jobs.diskless(number, system, nodes[number % len(nodes)])

    found = [
        ("creates", jobs.creates_per_s(base, INSTANCES, WORKERS, wanted)),
        ("submit", jobs.submit_ms(base, 10)),
        ("submit-by-8", jobs.submit_under_load_ms(base, 40, WORKERS)),
        ("job-floor", jobs.floor_ms(base, 10)),
    ]
    for name, value, _ in (*reads.singles(base, jobs.name_of(0)), *reads.bulk(base, INSTANCES)):
        found.append((name, value))
    return [*found, ("deletes", jobs.deletes_per_s(base, INSTANCES, WORKERS))]


def _clear(base: str) -> None:
    """Remove what the measurements left."""
    client = Client(base)
    tags = [tag for tag in client.call("GET", "/2/tags") if tag[:1] in "slf"]
    if tags:
        client.ended(client.call("DELETE", "/2/tags?" + "&".join(f"tag={tag}" for tag in tags)))
