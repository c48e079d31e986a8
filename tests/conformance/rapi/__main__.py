"""
``python -m tests.conformance.rapi``: Ganeti's client and htools against ganetid.

The client's answers are compared with those of a real Ganeti 3.0.2: of the one at
GANETI_PEER=host:port if that is set, else with those that were recorded.
``--record host:port`` records them anew.  Ends with one line for each judge.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conformance.rapi import compare, daemon, htools
from tests.conformance.rapi.different import DIFFERENT
from tests.conformance.rapi.steps import STEPS

HERE = Path(__file__).parent
RECORDED = Path(__file__).parents[2] / "vectors" / "ganeti" / "rapi_client.json"
PYTHON = "/usr/bin/python3"  # Debian's own: its client is installed for that one
PATIENCE_S = 1800


def answers_of(host: str, port: int, user: str = "admin", password: str = "secret") -> Any:
    """What the client's calls are answered there."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        [PYTHON, str(HERE / "drive.py"), host, str(port), user, password],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=clean,
    )  # fmt: skip
    if not run.stdout:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout)


def judged_by_client(port: int) -> tuple[int, int]:
    """(calls that were answered as by Ganeti, those that were not)."""
    ours = answers_of("127.0.0.1", port)
    theirs = _peer() or json.loads(RECORDED.read_text())
    for method in ours["missing"]:
        print(f"{method}: is never called")
    live = {number: step.live for number, step in enumerate(STEPS) if step.live}
    found = compare.differences(ours["answers"], theirs["answers"], DIFFERENT, live)
    for number, (answer, lines) in enumerate(zip(ours["answers"], found, strict=True)):
        if lines:
            print(f"{number} {answer['method']}({json.dumps(answer['arguments'])})")
            print(*(f"    {line}" for line in lines), sep="\n")
    failed = sum(bool(lines) for lines in found) + len(ours["missing"])
    return len(found) - failed + len(ours["missing"]), failed


def _peer() -> Any:
    """Answers of a real Ganeti that runs now, None when none is named."""
    place = os.environ.get("GANETI_PEER")
    if not place:
        return None
    host, _, port = place.rpartition(":")
    return answers_of(host, int(port))


def record(place: str) -> int:
    """Write down what the Ganeti at this place answers."""
    host, _, port = place.rpartition(":")
    text = json.dumps(answers_of(host, int(port)), indent=1, sort_keys=True)
    RECORDED.write_text(text + "\n")
    return 0


def main(arguments: list[str]) -> int:
    """Exit status 1 when anything failed."""
    if arguments[:1] == ["--record"]:
        return record(arguments[1])
    with daemon.running() as ganetid:
        client = judged_by_client(ganetid.port)
        tools = htools.judged(ganetid.port)
    lines = {"ganeti-rapi-client": (*client, 0), **tools}
    for judge, (passed, failed, skipped) in lines.items():
        print(f"conformance: {judge} passed {passed} failed {failed} skipped {skipped}")
    return 1 if any(failed for _, failed, _ in lines.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
