"""
``python3 tools/setup [--image]``: what is missing to run and test the project from this checkout.

Installs Debian packages, fills .venv, and with --image builds the test guest meanwhile.  Says what
it does; does nothing, quickly, when nothing is missing.  Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import time
from pathlib import Path

import debian
import environment
import extension

ROOT = Path(__file__).resolve().parents[2]
STAMP = ROOT / ".venv" / "synnefo-setup.stamp"
INPUTS = ("setup.cfg", "pyproject.toml", "requirements.lock")


def main(with_image: bool) -> int:
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with (build / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            _install_packages()
            image = _start_image() if with_image else None
            _make_environment()
            _compile()
            if image is not None and image.wait():
                _say("the test guest was not built")
                return 1
        except (debian.NotInstalled, environment.NotUsable) as error:
            _say(str(error))
            return 1
    return 0


def _install_packages() -> None:
    wanted = list(debian.PACKAGES)
    if not _current() and environment.interpreter() is None:
        wanted += debian.PYTHON_PACKAGES
    absent = debian.missing(wanted)
    if absent:
        _say("installing Debian packages: " + " ".join(absent))
        started = time.monotonic()
        debian.install(absent)
        _say(f"packages installed in {time.monotonic() - started:.0f} s")


def _start_image() -> subprocess.Popen[bytes]:
    """
    The guest's build, running beside us: it needs Debian packages and no .venv.
    """
    ready = str(ROOT / ".venv/bin/python") if _current() else None
    python = ready or environment.interpreter() or sys.executable
    command = [python, str(ROOT / "tools/image")]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _make_environment() -> None:
    if _current():
        return
    python = environment.interpreter()
    if python is None:
        raise environment.NotUsable("no Python 3.11 or newer with venv found")
    _say(f"filling .venv from requirements.lock with {python}")
    started = time.monotonic()
    environment.make(ROOT, python)
    STAMP.write_text(_key())
    _say(f".venv is ready after {time.monotonic() - started:.0f} s")


def _compile() -> None:
    if not extension.is_current():
        python, script = ROOT / ".venv/bin/python", ROOT / "tools/setup/extension.py"
        subprocess.run([python, script], check=True)


def _current() -> bool:
    return STAMP.is_file() and STAMP.read_text() == _key() and environment.stands(ROOT)


def _key() -> str:
    """
    Names this checkout's place and everything that decides what belongs in .venv.
    """
    digest = hashlib.sha256(str(ROOT).encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _say(text: str) -> None:
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main("--image" in sys.argv[1:]))
