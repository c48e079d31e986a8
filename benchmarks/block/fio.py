"""
One measurement by fio's NBD engine.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.block.meter import Meter
from benchmarks.block.peers import Export

GIB = 1 << 30


class Load(NamedTuple):
    """
    What fio does.  kind: fio's ``rw``.  depth: requests under way on each of ``connections``.

    flush_every: writes between flushes, 0 for none.  total: requests in all, at distinct places;
    0: as many as come in the time of a measurement.
    """

    kind: str
    block_bytes: int
    depth: int
    connections: int = 1
    flush_every: int = 0
    total: int = 0


class Measured(NamedTuple):
    """
    requests, bytes: in all, without flushes.  cpu_s: of the server.  p50_ms, p99_ms, mean_ms: from
    sending to the answer.  others: processors that other programs used meanwhile.
    """

    per_s: float
    bytes_per_s: float
    requests: int
    cpu_s: float
    mean_ms: float
    p50_ms: float
    p99_ms: float
    bytes: int
    others: float

    @property
    def cpu_s_per_gib(self) -> float:
        """Processor seconds of the server for each GiB carried."""
        return self.cpu_s * GIB / max(self.bytes, 1)

    @property
    def cpu_s_per_million(self) -> float:
        """Processor seconds of the server for a million requests."""
        return self.cpu_s * 1e6 / max(self.requests, 1)


def measure(
    export: Export, load: Load, seconds: float, seed: int, *, may_wait: bool = True
) -> Measured:
    """
    Puts the load on the export.  The same seed gives the same places.  Raises RuntimeError.

    may_wait: until others on the machine pause.
    """
    report = Path(f"{export.program.log}.json")
    meter = Meter(export.program, may_wait=may_wait)
    done = subprocess.run(
        ["fio", *_arguments(export.uri, load, seconds, seed), f"--output={report}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    spent, others = meter.stop()
    if done.returncode:
        raise RuntimeError(f"fio on {export.name}: {done.stdout.decode(errors='replace')}")
    text = report.read_text()
    job = json.loads(text[text.index("{") :])["jobs"][0]
    return _measured(job["read" if "read" in load.kind else "write"], spent, others)


def _arguments(uri: str, load: Load, seconds: float, seed: int) -> list[str]:
    options = {
        "name": "load",
        "ioengine": "nbd",
        "uri": uri,
        "rw": load.kind,
        "bs": load.block_bytes,
        "iodepth": load.depth,
        "numjobs": load.connections,
        "fsync": load.flush_every,
        "randseed": seed,
        "output-format": "json",
    }
    if load.total:
        options["number_ios"] = load.total
    else:
        options["runtime"] = f"{seconds * 1000:.0f}ms"
    arguments = [f"--{name}={value}" for name, value in options.items()]
    if not load.total:
        arguments += ["--time_based", "--norandommap"]
    # threads: the exclusive rule lets the connections of one process write together
    return [*arguments, "--group_reporting", "--thread"]


def _measured(side: dict[str, Any], cpu_s: float, others: float) -> Measured:
    latency = side["clat_ns"]
    percentile = latency.get("percentile", {})
    if not side["total_ios"] or not side["runtime"]:
        raise RuntimeError("fio did nothing")
    seconds = side["runtime"] / 1000
    return Measured(
        per_s=side["total_ios"] / seconds,
        bytes_per_s=side["io_bytes"] / seconds,
        requests=side["total_ios"],
        cpu_s=cpu_s,
        mean_ms=latency["mean"] / 1e6,
        p50_ms=percentile.get("50.000000", 0) / 1e6,
        p99_ms=percentile.get("99.000000", 0) / 1e6,
        bytes=side["io_bytes"],
        others=others,
    )
