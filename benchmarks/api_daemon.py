"""
`synnefo-api` with some workers, over a fresh SQLite database.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.live.cloud import Daemon, answers, eventually, free_ports


@frozen
class Api:
    """
    url: of the cloud.  password: its admin's.  database: file of its rows.  pid: of the daemon,
    whose children are the workers.
    """

    url: str
    password: str
    database: Path
    pid: int


@contextmanager
def running(workers: int, network_cidr: str = "auto") -> Iterator[Api]:
    """
    An API that answers; nobody watches its reactor, and its cluster is never there.
    """
    home = Path(tempfile.mkdtemp(prefix="snfb"))
    port, nobody = free_ports(2)
    config = home / "api.toml"
    config.write_text(
        f'database_url = "sqlite:///{home}/synnefo.db"\n'
        f'port = {port}\ntoken_keys = "{home}/token-keys"\nworkers = {workers}\n'
        f'block_endpoint = "unix:{home}/block.sock"\nblock_secret_file = "{home}/block.secret"\n'
        f'nbd_socket = "{home}/nbd.sock"\n'
        f'[first_start]\nfiles = "{home}/first"\nnetwork_cidr = "{network_cidr}"\n'
        f'[first_start.cluster]\nrapi_url = "https://127.0.0.1:{nobody}"\n'
        f'rapi_password_file = "{home}/rapi-password"\n'
    )
    (home / "rapi-password").write_text("nobody\n")
    daemon = Daemon("synnefo-api", ["--config", str(config)], home, {"SYNNEFO_SLOW_MS": "0"})
    daemon.start()
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: answers(url), 60, "the API answers")
        password = (home / "first" / "admin-password").read_text().strip()
        yield Api(url, password, home / "synnefo.db", daemon.pid)
    finally:
        daemon.stop()
        shutil.rmtree(home, ignore_errors=True)
