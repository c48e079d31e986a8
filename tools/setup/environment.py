"""
The project's virtualenv: an interpreter for it, the locked packages in it, the project on its path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

OLDEST = (3, 11)
NAMES = ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "/usr/bin/python3")
PLUGINS = ("ganetid", "archipelagod", "synnefo", "synnefo-api", "synnefo-dispatcher")

_USABLE = (
    "import sys, os, ensurepip, venv; "
    f"sys.exit(0 if sys.version_info >= {OLDEST} and sys.prefix == sys.base_prefix else 1)"
)


class NotUsable(Exception):
    """
    The virtualenv can't be made or does not work; ``str()`` says why.
    """


def interpreter() -> str | None:
    """
    Path of a Python that can make a virtualenv: 3.11 or newer, with venv.  None if there is none.
    """
    for name in _candidates():
        path = shutil.which(name)
        if path is not None and _succeeds([path, "-c", _USABLE]):
            return path
    return None


def _candidates() -> Iterator[str]:
    named = os.environ.get("PYTHON")
    if named:
        yield named
    yield from NAMES


def stands(root: Path) -> bool:
    """
    Whether the virtualenv's interpreter and programs are there.  Looks only: starting it is slow.
    """
    programs = (root / ".venv/bin" / name for name in ("python", "twistd", "trial"))
    return all(os.access(path, os.X_OK) for path in programs)


def make(root: Path, python: str) -> None:
    """
    Bring ``root``/.venv to what requirements.lock says, and the project on its path.

    Nothing is removed from a virtualenv that works already.  Raises NotUsable.
    """
    venv = root / ".venv"
    if not _succeeds([str(venv / "bin/python"), "-m", "pip", "--version"]):
        shutil.rmtree(venv, ignore_errors=True)
        _run([python, "-m", "venv", str(venv)])
    pip = [str(venv / "bin/python"), "-m", "pip", "--disable-pip-version-check", "-qq"]
    # Python compiles what it imports, when it does; all of it at once takes longer than the rest.
    pip += ["install", "--retries", "5", "--no-compile"]
    _run([*pip, "--no-deps", "-r", str(root / "requirements.lock")])
    # A modern editable install hides twistd's plugins; the compatible one puts the checkout on
    # the path as it is.
    editable = ["--no-deps", "--no-build-isolation", "--config-settings", "editable_mode=compat"]
    _run([*pip, *editable, "--editable", str(root)])
    check(root)


def check(root: Path) -> None:
    """
    Raises NotUsable unless packages fit together and twistd finds each plugin that there is.
    """
    _run([str(root / ".venv/bin/python"), "-m", "pip", "--quiet", "check"])
    command = [str(root / ".venv/bin/twistd"), "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    offered = {line.split()[0] for line in told.stdout.splitlines() if line.strip()}
    files = "".join(path.read_text() for path in (root / "twisted/plugins").glob("*.py"))
    lost = {name for name in PLUGINS if f'"{name}"' in files} - offered
    if told.returncode or lost:
        raise NotUsable(f"twistd does not find {', '.join(sorted(lost))}: {told.stderr.strip()}")


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotUsable(f"{' '.join(command)}: failed ({error})") from error


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
