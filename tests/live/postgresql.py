"""
A PostgreSQL server of one's own, on a unix socket in a directory that goes with it.

The server refuses to run as root: then it runs as the user `postgres` that Debian's package made.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from functools import cache
from pathlib import Path

from sqlalchemy import make_url
from twisted.trial.unittest import SkipTest

SETTINGS = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c max_connections=60"


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise SkipTest("no PostgreSQL here (Debian package postgresql)")
    return found[-1].parent


class PostgresServer:
    """One server.  All methods block."""

    def __init__(self) -> None:
        self._bin = _programs()
        self._home = Path(tempfile.mkdtemp(prefix="snf-pg-", dir="/tmp"))
        self._data = self._home / "data"
        self._as_owner: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self._home, owner.pw_uid, owner.pw_gid)
            self._as_owner = [
                "setpriv",
                f"--reuid={owner.pw_uid}",
                f"--regid={owner.pw_gid}",
                "--clear-groups",
            ]

    @classmethod
    def start(cls) -> PostgresServer:
        """A server that answers; stopped at the latest when Python exits.  Raises SkipTest."""
        server = cls()
        atexit.register(server.stop)
        server._run(
            "initdb",
            "-D",
            str(server._data),
            "-U",
            "synnefo",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        )
        server._run(
            "pg_ctl",
            "-D",
            str(server._data),
            "-w",
            "-l",
            str(server._home / "log"),
            "-o",
            f"-k {server._home} {SETTINGS}",
            "start",
        )
        return server

    def new_database(self, like: str = "") -> str:
        """The URL of a new database: empty, or with all that is in the one at the URL `like`."""
        name = f"d{uuid.uuid4().hex}"
        known = ["-T", make_url(like).database or ""] if like else []
        self._run("createdb", "-h", str(self._home), "-U", "synnefo", *known, name)
        return f"postgresql+psycopg://synnefo@/{name}?host={self._home}"

    def drop_database(self, url: str) -> None:
        """Remove the database, whoever is connected to it."""
        name = make_url(url).database or ""
        self._run("dropdb", "--force", "-h", str(self._home), "-U", "synnefo", name)

    def stop(self) -> None:
        """End the server and remove what it left.  Idempotent."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._home, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as_owner, str(self._bin / program), *arguments],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
        )


@cache
def shared_server() -> PostgresServer:
    """One server for the whole run."""
    return PostgresServer.start()
