"""
A Linux kernel to boot.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from ganetid.hypervisor.probe_guest import newest_kernel

CHECKOUT = Path(__file__).resolve().parents[2]


@cache
def a_kernel() -> Path:
    """This machine's own, or else the test image's."""
    own = newest_kernel()
    if own is not None:
        return own
    said = subprocess.run(
        [sys.executable, "tools/image", "--kernel"],
        cwd=CHECKOUT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Path(said.stdout.splitlines()[-2])
