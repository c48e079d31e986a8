"""
A network namespace that a cloud with guests and its Tempest are in together: so both the API and
the guests are reached, and neither meets this machine's addresses.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NAME = "t-conformance"
PLACE = Path("/run/netns") / NAME


def is_inside() -> bool:
    """Whether this process is in it."""
    return PLACE.exists() and PLACE.stat().st_ino == Path("/proc/self/ns/net").stat().st_ino


def run_inside(arguments: Sequence[str]) -> int:
    """
    The exit status of ``python -m tests.conformance.cyclades`` in the namespace, which is made when
    nobody has, and goes again then.  Needs root.  Raises subprocess.CalledProcessError.
    """
    is_made = not PLACE.exists()
    if is_made:
        subprocess.run(["ip", "netns", "add", NAME], check=True)
        subprocess.run(["ip", "-n", NAME, "link", "set", "lo", "up"], check=True)
    module = [sys.executable, "-m", "tests.conformance.cyclades", *arguments]
    try:
        return subprocess.run(["ip", "netns", "exec", NAME, *module], check=False).returncode
    finally:
        if is_made:
            subprocess.run(["ip", "netns", "delete", NAME], check=False)


def may_be_made() -> bool:
    """Whether this process can have namespaces and taps."""
    return os.geteuid() == 0 and Path("/dev/net/tun").exists()
