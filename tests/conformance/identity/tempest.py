"""
Tempest in a virtual environment of its own, and what its tests found.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from tests.conformance.identity.cloud import Running

HERE = Path(__file__).parent
RELEASE = "47.0.0"
TESTS = r"^tempest\.api\.identity"
CACHE = Path(os.environ.get("SYNNEFO_CACHE") or HERE.parents[2] / "build").resolve()
HOME = CACHE / f"tempest-{RELEASE}"
LOCK = HERE / "requirements.lock"
PATIENCE_S = 3600


@frozen
class Outcome:
    """
    What became of a test (or of a class, which then stands for its tests).

    outcome: "passed", "failed" or "skipped".  said: the reason, or the traceback.
    """

    test: str
    outcome: str
    said: str


def install() -> None:
    """
    Tempest and what it needs, as locked, from the package index, unless they are there.
    """
    locked, installed = LOCK.read_text(), HOME / "installed"
    if installed.exists() and installed.read_text() == locked:
        return
    print(f"conformance: installing tempest {RELEASE} in {HOME}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True)
    pip = [str(HOME / "bin" / "pip"), "install", "-q", "-r", str(LOCK)]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    installed.write_text(locked)


def judged(cloud: Running, tests: str = TESTS) -> Sequence[Outcome]:
    """
    The outcome of every test whose name matches `tests`, in the order of their ends.
    """
    workspace = cloud.home / "tempest"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"HOME": str(cloud.home), "PATH": f"{HOME / 'bin'}:{environment['PATH']}"}
    _tool(environment, "init", str(workspace))
    (workspace / "etc" / "tempest.conf").write_text(_configuration(cloud))
    stream = cloud.home / "subunit"
    tool = str(HOME / "bin" / "tempest")
    command = [tool, "run", "--subunit", "--serial", "--regex", tests]
    with stream.open("wb") as out:
        subprocess.run(
            command, cwd=workspace, env=environment, stdout=out, check=False, timeout=PATIENCE_S
        )
    with stream.open("rb") as told:
        reader = [HOME / "bin" / "python", HERE / "outcomes.py"]
        read = subprocess.run(reader, stdin=told, check=True, stdout=subprocess.PIPE, text=True)
    return [Outcome(*json.loads(line)) for line in read.stdout.splitlines()]


def _tool(environment: dict[str, str], *arguments: str) -> None:
    command = [str(HOME / "bin" / "tempest"), *arguments]
    subprocess.run(command, check=True, env=environment, capture_output=True)


def _configuration(cloud: Running) -> str:
    text = (HERE / "tempest.conf.template").read_text()
    given = {
        "HOME": str(cloud.home),
        "ADMIN_PASSWORD": cloud.admin_password,
        "AUTH_URL": cloud.auth_url,
    }
    for name, value in given.items():
        text = text.replace(f"@{name}@", value)
    return text
