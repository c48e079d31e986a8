"""
A Ceph cluster of one's own: a monitor and one OSD that keeps everything in memory, on free ports of
the loopback, in a directory that goes with it.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from functools import cache
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

PROGRAMS = ("setpriv", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool")
INSTALL = "python3 tools/setup/debian.py ceph"
BINDING = "/usr/lib/python3/dist-packages"
WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")  # a killed test run leaves no daemons
LOOPBACK = "127.0.0.1"
POOL = "archipelago"


class ClusterFailed(Exception):
    """Ceph did not come up; the text ends with the end of its logs."""


class CephCluster:
    """
    One cluster.  All methods block until done.

    medium: ``memstore``, or ``bluestore`` in a file.
    """

    def __init__(self, medium: str = "memstore") -> None:
        self._medium = medium
        self._home = Path(tempfile.mkdtemp(prefix="synnefo-ceph-"))
        self._port = _free_port()
        self._fsid = str(uuid.uuid4())
        self._processes: list[subprocess.Popen[bytes]] = []

    @classmethod
    def start(cls, medium: str = "memstore") -> CephCluster:
        """A cluster that answers; stopped at the latest when Python exits.  Raises SkipTest."""
        check_installed()
        cluster = cls(medium)
        atexit.register(cluster.stop)
        try:
            cluster._configure()
            cluster._start_monitor()
            cluster._start_osd()
            cluster._make_pool()
        except (OSError, subprocess.SubprocessError, ClusterFailed) as error:
            logs = cluster.log[-3000:]
            cluster.stop()
            raise ClusterFailed(f"{error}\n{logs}") from error
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @property
    def configuration(self) -> str:
        """Path of the configuration that clients read."""
        return str(self._home / "ceph.conf")

    @property
    def log(self) -> str:
        """What its daemons have said."""
        logs = sorted(self._home.glob("*.output"))
        return "".join(path.read_text(errors="replace")[-1500:] for path in logs)

    def address(self, namespace: str) -> str:
        """Where a store is, for archipelagod.stores.address."""
        return f"rados:{POOL}/{namespace}?conf={self.configuration}"

    def pause_osd(self) -> None:
        """The OSD answers nothing any more."""
        osd = self._processes[-1]
        osd.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, osd.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume_osd(self) -> None:
        """End the `pause_osd`."""
        self._processes[-1].send_signal(signal.SIGCONT)

    def cut_power(self) -> None:
        """All daemons are killed at once; what is on the medium stays (not with ``memstore``)."""
        for process in self._processes:
            process.kill()
        while self._processes:
            self._processes.pop().wait()

    def power_up(self) -> None:
        """End the `cut_power`; clients that wait are answered some seconds later."""
        self._run_monitor()
        self._daemon("osd", "ceph-osd", "-i", "0")

    def stop(self) -> None:
        """End the daemons, and remove their directory.  Idempotent."""
        while self._processes:
            process = self._processes.pop()
            process.kill()  # nothing of this cluster is kept
            process.wait()
        shutil.rmtree(self._home, ignore_errors=True)
        atexit.unregister(self.stop)

    def _configure(self) -> None:
        home = self._home
        (home / "ceph.conf").write_text(
            f"[global]\nfsid = {self._fsid}\n"
            f"mon host = v2:{LOOPBACK}:{self._port}/0\nmon initial members = a\n"
            f"public network = {LOOPBACK}/8\n"
            "auth cluster required = none\nauth service required = none\n"
            "auth client required = none\n"
            f"run dir = {home}\nadmin socket =\npid file =\n"
            "log file =\nlog to stderr = true\ndebug default level = 0\n"
            "osd pool default size = 1\nosd pool default min size = 1\n"
            "osd crush chooseleaf type = 0\nmon allow pool size one = true\n"
            "osd pool default pg autoscale mode = off\n"
            "ms bind ipv6 = false\n"
            f"[mon]\nmon data = {home}/mon\nmon cluster log file = /dev/null\n"
            "mon data avail crit = 1\nmon data avail warn = 1\n"
            f"[osd]\nosd data = {home}/osd\nosd objectstore = {self._medium}\n"
            "bluestore block size = 4294967296\n"
            "memstore device bytes = 4294967296\nosd class update on start = false\n"
            f"public addr = {LOOPBACK}\ncluster addr = {LOOPBACK}\n"
            "osd heartbeat grace = 60\nosd max object size = 134217728\n"
            "osd class load list = *\nosd class default list = *\n"
        )

    def _start_monitor(self) -> None:
        home = self._home
        self._run("ceph-authtool", "--create-keyring", f"{home}/keyring", "--gen-key", "-n", "mon.",
                  "--cap", "mon", "allow *")  # fmt: skip
        self._run("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a",
                  f"[v2:{LOOPBACK}:{self._port}]", f"{home}/monmap")  # fmt: skip
        self._run("ceph-mon", "-c", self.configuration, "--mkfs", "-i", "a", "--monmap",
                  f"{home}/monmap", "--keyring", f"{home}/keyring")  # fmt: skip
        self._run_monitor()

    def _run_monitor(self) -> None:
        self._daemon("mon", "ceph-mon", "-i", "a", "--public-addr",
                     f"v2:{LOOPBACK}:{self._port}")  # fmt: skip

    def _start_osd(self) -> None:
        osd = str(uuid.uuid4())
        (self._home / "osd").mkdir()
        self.command({"prefix": "osd new", "uuid": osd})
        self._run("ceph-osd", "-c", self.configuration, "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.command(
            {"prefix": "osd crush add", "id": 0, "weight": 1.0, "args": ["root=default", "host=a"]}
        )
        self._daemon("osd", "ceph-osd", "-i", "0")

    def _make_pool(self) -> None:
        self.command(
            {"prefix": "osd pool create", "pool": POOL, "pg_num": 8, "pgp_num": 8, "size": 1}
        )
        deadline = time.monotonic() + 60
        while True:
            state = json.loads(self.command({"prefix": "osd stat", "format": "json"}))
            if state["num_up_osds"] == 1:
                return
            if time.monotonic() > deadline:
                raise ClusterFailed("the OSD does not come up")
            time.sleep(0.05)

    def _run(self, *command: str) -> None:
        with (self._home / "setup.output").open("ab") as output:
            subprocess.run(command, check=True, stdout=output, stderr=output, timeout=60)

    def _daemon(self, name: str, program: str, *arguments: str) -> None:
        with (self._home / f"{name}.output").open("ab") as output:
            process = subprocess.Popen(
                [*WITH_US, program, "-f", "-c", self.configuration, *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._home,
            )  # fmt: skip
        self._processes.append(process)

    def command(self, command: dict[str, Any]) -> str:
        """What the monitor answers.  Raises ClusterFailed."""
        rados = binding()
        with rados.Rados(conffile=self.configuration) as client:
            number, found, said = client.mon_command(json.dumps(command), b"", timeout=30)
        if number:
            raise ClusterFailed(f"{command}: {said}")
        return str(found, "utf-8")


def binding() -> Any:
    """Ceph's module, which Debian's Python has.  Raises SkipTest."""
    import sys

    if BINDING not in sys.path:
        sys.path.append(BINDING)
    try:
        import rados
    except ImportError as error:
        raise SkipTest(f"no binding of Ceph here ({error}): {INSTALL} installs it") from error
    return rados


def check_installed() -> None:
    """Raises SkipTest if what a cluster needs is not installed."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise SkipTest(f"no {', '.join(missing)} here: {INSTALL} installs it")
    binding()


@cache
def shared_cluster() -> CephCluster:
    """One cluster for all tests of a run: started by the first, stopped at Python's exit."""
    return CephCluster.start(os.environ.get("SYNNEFO_CEPH_MEDIUM", "memstore"))


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind((LOOPBACK, 0))
        return int(listening.getsockname()[1])
