"""
libnbd's own interoperability programs, from Debian's source package.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

_CACHE = Path(os.environ.get("SYNNEFO_CACHE") or Path(__file__).resolve().parents[2] / "build")
_FOLDER = _CACHE / "libnbd-source"
_TIMEOUT_S = 120


class NotHere(Exception):
    """
    The source can't be had; ``str()`` says why.
    """


def source() -> Path:
    """
    The unpacked source, fetched once.  Raises NotHere.
    """
    found = sorted(_FOLDER.glob("libnbd-*/interop/interop.c"))
    if not found:
        _FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
            _fetch(Path(folder))
            unpacked = next(Path(folder).glob("libnbd-*/"), None)
            if unpacked is None:
                raise NotHere("the source package holds no libnbd")
            unpacked.rename(_FOLDER / unpacked.name)
        found = sorted(_FOLDER.glob("libnbd-*/interop/interop.c"))
    return found[-1].parents[1]


def _fetch(folder: Path) -> None:
    """
    With a list of sources of its own: the machine's need not have any.
    """
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "sources.list").write_text(f"deb-src http://deb.debian.org/debian {_suite()} main\n")
    options = (
        f"Dir::Etc::sourcelist={folder}/sources.list",
        "Dir::Etc::sourceparts=/dev/null",
        f"Dir::State::lists={folder}/lists",
        f"Dir::Cache={folder}",
        "APT::Sandbox::User=root",
        "Acquire::Retries=2",
        "Acquire::http::Timeout=15",
    )
    apt = ["apt-get", "-qq", *(part for option in options for part in ("-o", option))]
    for command in (
        [*apt, "update"],
        [*apt, "source", "--download-only", "libnbd"],
        ["sh", "-c", "tar xf libnbd_*.orig.tar.gz"],
    ):
        try:
            subprocess.run(
                command, cwd=folder, check=True, capture_output=True, timeout=_TIMEOUT_S, text=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", "") or ""
            raise NotHere(f"libnbd's source: {error} {said[-300:]}") from error


def _suite() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise NotHere("this is not Debian")


def build(name: str, folder: str, definitions: Mapping[str, str], scale: int = 1) -> str:
    """
    The program ``interop/<name>.c``, built into ``folder``.  Raises NotHere, CalledProcessError.

    scale: the sizes in the source are multiplied by it.
    """
    tree = source()
    text = (tree / "interop" / f"{name}.c").read_text()
    text = text.replace('"../tests/requires.h"', '"requires.h"')
    for number in (3072, 2048, 1024, 513, 512, 511) if scale > 1 else ():
        size = round(number / 512) * 512
        text = text.replace(f"{number}", f"{size * scale + number - size}")
    Path(folder, f"{name}.c").write_text(text)
    Path(folder, "config.h").write_text("")
    program = str(Path(folder, name))
    subprocess.run(
        [
            *("gcc", "-Wall", f"-I{folder}", f"-I{tree}/tests", f"-I{tree}/common/include"),
            *(f"-D{key}={value}" for key, value in definitions.items()),
            *("-o", program, f"{folder}/{name}.c", f"{tree}/interop/requires.c", "-lnbd"),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return program


def as_arguments(*words: str) -> str:
    """
    Words as the initialiser of an array of C strings.
    """
    quoted = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    return ", ".join(f'"{word}"' for word in quoted)
