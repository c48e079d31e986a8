"""
Jobs: how soon they are taken, how soon they are done, how many a second, and 10,000 at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

from benchmarks.rapi.client import Client

PAUSED = {"action": "PAUSE", "predicates": [["opcode", ["=", "OP_ID", "OP_TAGS_SET"]]]}


def submit_ms(base: str, count: int) -> float:
    """Median milliseconds until a job is on stable storage and acknowledged, one at a time."""
    client = Client(base)
    spent, jobs = [], []
    for number in range(count):
        begun = time.perf_counter()
        jobs.append(client.call("PUT", f"/2/tags?tag=s{number % 50}"))
        spent.append(time.perf_counter() - begun)
        client.ended(jobs[-1])
    return median(spent) * 1000


def submit_under_load_ms(base: str, count: int, workers: int) -> float:
    """The same while others submit at the same time."""

    def submit(client: Client, number: int) -> float:
        begun = time.perf_counter()
        client.call("PUT", f"/2/tags?tag=l{number % 50}")
        return time.perf_counter() - begun

    spent: list[float] = _spread(base, count, workers, submit)
    return median(spent) * 1000


def floor_ms(base: str, count: int) -> float:
    """Median milliseconds from the submission of a job that does next to nothing to its success."""
    client = Client(base)
    spent = []
    for number in range(count):
        begun = time.perf_counter()
        client.ended(client.call("PUT", f"/2/tags?tag=f{number % 50}"))
        spent.append(time.perf_counter() - begun)
    return median(spent) * 1000


def creates_per_s(base: str, count: int, workers: int, body: Callable[[int], Any]) -> float:
    """Instances made a second, from the first submission to the last job's success."""
    begun = time.perf_counter()
    jobs = _spread(
        base,
        count,
        workers,
        lambda client, number: client.call("POST", "/2/instances", body(number)),
    )
    client = Client(base)
    for job in jobs:
        client.ended(int(job))
    return count / (time.perf_counter() - begun)


def deletes_per_s(base: str, count: int, workers: int) -> float:
    """Instances of `diskless` removed a second, to the last job's success."""
    begun = time.perf_counter()
    jobs = _spread(
        base,
        count,
        workers,
        lambda client, number: client.call("DELETE", f"/2/instances/{name_of(number)}"),
    )
    client = Client(base)
    for job in jobs:
        client.ended(int(job))
    return count / (time.perf_counter() - begun)


def name_of(number: int) -> str:
    """Of an instance."""
    return f"bench{number}.example"


def diskless(number: int, system: str = "image+default", node: str | None = None) -> Any:
    """
    An instance without disks that any Ganeti takes.

    system: its operating system.  node: where it is to be, if an allocator is not to find that.
    """
    return {
        "__version__": 1,
        "mode": "create",
        "instance_name": name_of(number),
        "disk_template": "diskless",
        "disks": [],
        "nics": [],
        "hypervisor": "fake",
        "os_type": system,
        **({} if node is None else {"pnode": node}),
        "ip_check": False,
        "name_check": False,
        "no_install": True,
        "start": False,
        "beparams": {"maxmem": 64, "minmem": 64, "vcpus": 1},
    }


def crowded(base: str, count: int, workers: int) -> Iterator[tuple[str, float, str]]:
    """(name, value, unit) with so many jobs waiting."""
    client = Client(base)
    rule = client.call("POST", "/2/filters", PAUSED)
    begun = time.perf_counter()
    jobs = [int(job) for job in _spread(
        base, count, workers, lambda each, number: each.call("PUT", f"/2/tags?tag=q{number % 50}")
    )]  # fmt: skip
    yield "queue-fill", count / (time.perf_counter() - begun), "jobs/s"
    spent = []
    for number in range(50):
        begun = time.perf_counter()
        jobs.append(client.call("PUT", f"/2/tags?tag=z{number}"))
        spent.append(time.perf_counter() - begun)
    yield "queue-full-submit", median(spent) * 1000, "ms"
    for name, path in (("queue-full-list", "/2/jobs"), ("queue-full-bulk", "/2/jobs?bulk=1")):
        client.raw("GET", path)
        begun = time.perf_counter()
        client.raw("GET", path)
        yield name, (time.perf_counter() - begun) * 1000, "ms"
    spent = []
    for number in range(20):
        begun = time.perf_counter()
        client.ended(client.call("DELETE", f"/2/tags?tag=f{number}"))
        spent.append(time.perf_counter() - begun)
    yield "queue-full-floor", median(spent) * 1000, "ms"
    spent = []
    for _ in range(20):
        begun = time.perf_counter()
        assert client.call("DELETE", f"/2/jobs/{jobs.pop()}")[0]
        spent.append(time.perf_counter() - begun)
    yield "queue-full-cancel", median(spent) * 1000, "ms"
    begun = time.perf_counter()
    client.call("DELETE", f"/2/filters/{rule}")
    client.ended(jobs[-1])
    yield "queue-drain", count / (time.perf_counter() - begun), "jobs/s"


def _spread(base: str, count: int, workers: int, work: Callable[[Client, int], Any]) -> list[Any]:
    """``work(client, number)`` for every number, by so many clients at once."""

    def share(first: int) -> list[Any]:
        client = Client(base)
        return [work(client, number) for number in range(first, count, workers)]

    with ThreadPoolExecutor(workers) as pool:
        return [result for results in pool.map(share, range(workers)) for result in results]
