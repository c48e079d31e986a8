"""
wrk (Debian) as the client.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from benchmarks.identity.processor import spent_s

_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_MEDIAN = re.compile(r"50%\s+([\d.]+)(us|ms|s)\b")
_ANSWERS = re.compile(r"(\d+) requests in")
_IN_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@frozen
class Load:
    """
    One request, again and again.  body: of a POST; None: a GET.
    """

    url: str
    headers: Mapping[str, str]
    body: object = None


@frozen
class Measured:
    """
    rate: answers a second.  median_ms: of one answer.  cpu_ms: of the server for each.
    """

    rate: float
    median_ms: float
    cpu_ms: float


class WrongAnswers(Exception):
    """
    Some answers were no success; `str()` is what wrk said.
    """


def put(load: Load, clients: int, seconds: float, server: Sequence[int]) -> Measured:
    """
    What `clients` connections got in `seconds`, and what it cost the server's processes.  Raises
    WrongAnswers.
    """
    before_s = spent_s(server)
    with tempfile.TemporaryDirectory() as home:
        command = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--latency"]
        for name, value in load.headers.items():
            command += ["-H", f"{name}: {value}"]
        if load.body is not None:
            script = Path(home) / "post.lua"
            script.write_text(
                f'wrk.method = "POST"\nwrk.body = [==[{json.dumps(load.body)}]==]\n'
                'wrk.headers["Content-Type"] = "application/json"\n'
            )
            command += ["-s", str(script)]
        said = subprocess.run(
            [*command, load.url], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
    cpu_ms = 1000 * (spent_s(server) - before_s)
    rate, median, answers = _RATE.search(said), _MEDIAN.search(said), _ANSWERS.search(said)
    wrong = "Non-2xx" in said or "Socket errors" in said
    if wrong or rate is None or median is None or answers is None:
        raise WrongAnswers(said)
    median_ms = float(median[1]) * _IN_MS[median[2]]
    return Measured(float(rate[1]), median_ms, cpu_ms / max(1, int(answers[1])))
