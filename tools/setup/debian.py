"""
Debian packages: which are missing, and their installation.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PACKAGES = (
    "make",
    "ca-certificates",
    # guests: run by ganetid, and by the tests of it
    "qemu-system-x86",
    "qemu-utils",
    "iproute2",
    "nftables",
    # the event bus between daemons of several hosts
    "rabbitmq-server",
    # the database of clouds of several hosts
    "postgresql",
    # a directory for the tests of log-in
    "slapd",
    "ldap-utils",
    # judges of the NBD server
    "fio",
    "gcc",
    "libc6-dev",
    "libnbd-bin",
    "libnbd-dev",
    "nbdkit",
    "python3-libnbd",
    # deaths and errors at chosen system calls
    "strace",
    # the test image and its trial
    "busybox-static",
    "cpio",
    "curl",
    "e2fsprogs",
    "mtools",
    "openssh-client",
    "syslinux",
    "syslinux-common",
)
# Only where no other usable interpreter is found:
PYTHON_PACKAGES = ("python3", "python3-venv", "python3-dev")
# Tests of storage in Ceph are skipped without these: 50 MB to fetch, 200 MB installed.
# ``python3 tools/setup/debian.py ceph`` installs them; so with other groups.
CEPH_PACKAGES = ("ceph-mon", "ceph-osd", "python3-rados")
# Judges of ganetid: Ganeti's own client and tools.  3 MB to fetch; no daemon is among them.
GANETI_PACKAGES = ("python3-ganeti-rapi", "ganeti-htools")
# The bench of identity: its client, and what Keystone keeps its rows and its cache in.
KEYSTONE_PACKAGES = ("wrk", "mariadb-server", "memcached")
GROUPS = {"ceph": CEPH_PACKAGES, "ganeti": GANETI_PACKAGES, "keystone": KEYSTONE_PACKAGES}
# installing these must not start a daemon
QUIET_SERVICES = (
    *("rabbitmq-server", "postgresql", "slapd", "ceph-mon", "ceph-osd", "mariadb-server"),
    "memcached",
)

_POLICY = Path("/usr/sbin/policy-rc.d")


class NotInstalled(Exception):
    """
    apt-get failed, or may not be called; ``str()`` says what to do.
    """


def missing(wanted: Sequence[str]) -> list[str]:
    """
    Those of ``wanted`` that are not installed, in the same order.
    """
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError as error:
        raise NotInstalled("this is not Debian: install by hand " + " ".join(wanted)) from error
    present = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in present]


def install(names: Sequence[str]) -> None:
    """
    Install ``names`` with apt-get, as root or through sudo.  Raises NotInstalled.
    """
    with _guarded(names):
        _as_root(*_APT_GET, "update", "-qq")
        _as_root(*_APT_GET, "install", "-qq", "-y", "--no-install-recommends", *names)


_APT_GET = (
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "apt-get",
    "-o",
    "DPkg::Lock::Timeout=600",
    "-o",
    "Acquire::Retries=3",
)


@contextmanager
def _guarded(names: Sequence[str]) -> Iterator[None]:
    """
    While a package with a daemon is installed, tell Debian to start none, unless a policy exists.
    """
    if _POLICY.exists() or not set(names) & set(QUIET_SERVICES):
        yield
        return
    with tempfile.NamedTemporaryFile("w", prefix="policy-rc.d-") as policy:
        policy.write("#!/bin/sh\nexit 101\n")
        policy.flush()
        _as_root("install", "-m", "755", policy.name, str(_POLICY))
    try:
        yield
    finally:
        _as_root("rm", "-f", str(_POLICY))


def _as_root(*command: str) -> None:
    prefix = () if os.geteuid() == 0 else ("sudo",)
    try:
        subprocess.run([*prefix, *command], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotInstalled(f"{' '.join(command)}: failed ({error})") from error


if __name__ == "__main__":
    if not sys.argv[1:] or not set(sys.argv[1:]) <= set(GROUPS):
        sys.exit(f"usage: python3 tools/setup/debian.py {' '.join(GROUPS)}")
    try:
        if absent := missing([name for group in sys.argv[1:] for name in GROUPS[group]]):
            install(absent)
    except NotInstalled as failure:
        sys.exit(str(failure))
