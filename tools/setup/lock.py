"""
``.venv/bin/python tools/setup/lock.py [--upgrade]``: make requirements.lock from setup.cfg.

Versions that are locked stay unless setup.cfg refuses them; with --upgrade, the newest are taken.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
HEADER = "# What the project runs and is tested with. Made by tools/setup/lock.py; don't edit.\n"
WANTED = f"{ROOT}[dev,fuzz,postgres]"
#: packages that are not for every Python and machine, as setup.cfg says
MARKERS = {"atheris": 'python_version < "3.12" and platform_machine == "x86_64"'}


def main(upgrade: bool) -> None:
    held = ["-c", str(LOCK)] if LOCK.exists() and not upgrade else []
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
        command += ["--ignore-installed", "--report", report.name, *held, WANTED]
        subprocess.run(command, check=True)
        chosen = json.loads(Path(report.name).read_text())["install"]
    found = {item["metadata"]["name"]: item["metadata"]["version"] for item in chosen}
    found.pop("synnefo-tx", None)
    lines = sorted((_line(*each) for each in found.items()), key=str.lower)
    LOCK.write_text(HEADER + "".join(lines))


def _line(name: str, version: str) -> str:
    marker = MARKERS.get(name)
    return f"{name}=={version}" + (f" ; {marker}" if marker else "") + "\n"


if __name__ == "__main__":
    main("--upgrade" in sys.argv[1:])
