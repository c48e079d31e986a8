"""
``.venv/bin/python tools/setup/extension.py [--sanitized]``: compiles the loop in C in its place.

Without a compiler or Python's headers nothing is done: the loop in Python serves then.  Says what
it does, and does nothing when nothing changed.  Standard library only.

--sanitized: compiles a copy with checks of memory and of undefined behaviour, and tests that.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "archipelagod" / "datapath"
COPY = ROOT / "build" / "sanitized"
STAMP = ROOT / "build" / "fast.stamp"
TESTS = [f"tests.archipelagod.datapath.{name}" for name in ("test_fast", "test_fast_pace")]
FLAGS = "-fsanitize=address,undefined -fno-omit-frame-pointer -O1"


def is_current() -> bool:
    """
    Whether there is nothing to do.  Looks only, and may be called by any Python.
    """
    return STAMP.is_file() and STAMP.read_text() == _key()


def compile_in_place() -> None:
    """
    Makes the extension fit its sources, or removes it.
    """
    if is_current():
        return
    if not _can_compile():
        _say("no C compiler or no Python.h: the loop in Python serves volumes")
    else:
        started = time.monotonic()
        result = subprocess.run(_command(), cwd=ROOT, capture_output=True, text=True, check=False)
        if result.returncode or not _built().is_file():
            _say(f"the loop in C was not compiled, that in Python serves\n{result.stderr.strip()}")
            _built().unlink(missing_ok=True)
        else:
            _say(f"the loop in C was compiled in {time.monotonic() - started:.0f} s")
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(_key())


def test_sanitized() -> int:
    """
    Exit status of the tests, of a copy of the checkout.
    """
    shutil.rmtree(COPY, ignore_errors=True)
    for name in ("archipelagod", "tests/archipelagod/datapath"):
        leave = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(ROOT / name, COPY / name, ignore=leave)
    for name in ("setup.py", "tests/__init__.py", "tests/archipelagod/__init__.py"):
        shutil.copy(ROOT / name, COPY / name)
    subprocess.run(_command(), cwd=COPY, env={**os.environ, "CFLAGS": FLAGS}, check=True)
    libraries = [
        subprocess.run(
            ["cc", f"-print-file-name=lib{name}.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("asan", "ubsan")
    ]
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python does not free all it has when it ends
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "PYTHONPATH": str(COPY),
    }
    trial = [sys.executable, "-m", "twisted.trial", *TESTS]
    return subprocess.run(trial, cwd=COPY, env=environment, check=False).returncode


def _command() -> list[str]:
    front = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    return [*front, "--build-temp", "build/extension"]


def _built() -> Path:
    return HOME / f"_fast{sysconfig.get_config_var('EXT_SUFFIX')}"


def _can_compile() -> bool:
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return _compiler() is not None and header.is_file()


def _compiler() -> str | None:
    return shutil.which((os.environ.get("CC") or "cc").split()[0])


def _key() -> str:
    """
    Names everything that decides what comes out.
    """
    digest = hashlib.sha256(f"{ROOT} {_compiler()}".encode())
    digest.update((ROOT / ".venv/pyvenv.cfg").read_bytes())
    for path in [ROOT / "setup.py", HOME / "_fast.c", *sorted((HOME / "c").iterdir())]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _say(text: str) -> None:
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    if "--sanitized" in sys.argv[1:]:
        sys.exit(test_sanitized())
    compile_in_place()
