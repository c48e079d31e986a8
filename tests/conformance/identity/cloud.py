"""
A `synnefo-api` of one's own, over SQLite.  Nothing that asks other daemons works there.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.live.cloud import Daemon, answers, eventually, free_ports

PATIENCE_S = 60.0


@frozen
class Running:
    """
    An API that answers.
    """

    home: Path
    auth_url: str
    admin_password: str


@contextmanager
def running(personal_projects: bool = False, more: str = "") -> Iterator[Running]:
    """
    An API whose first start is done; when the block is left it has ended and left nothing.  more:
    sections of its settings.
    """
    home = Path(tempfile.mkdtemp(prefix="snfi"))
    try:
        port, nobody = free_ports(2)
        config = home / "api.toml"
        config.write_text(_settings(home, port, nobody, personal_projects) + more)
        (home / "rapi-password").write_text("nobody\n")
        daemon = Daemon("synnefo-api", ["--config", str(config)], home, {})
        daemon.start()
        try:
            eventually(lambda: answers(f"http://127.0.0.1:{port}"), PATIENCE_S, "the API answers")
            yield Running(
                home,
                f"http://127.0.0.1:{port}/identity/v3",
                (home / "first" / "admin-password").read_text().strip(),
            )
        finally:
            daemon.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _settings(home: Path, port: int, nobody: int, personal_projects: bool) -> str:
    return (
        f'database_url = "sqlite:///{home}/synnefo.db"\n'
        f'port = {port}\ntoken_keys = "{home}/token-keys"\n'
        f'block_endpoint = "unix:{home}/block.sock"\nblock_secret_file = "{home}/block.secret"\n'
        f'nbd_socket = "{home}/nbd.sock"\n'
        f"personal_projects = {str(personal_projects).lower()}\n"  # else lists hold what tests made
        f'[first_start]\nfiles = "{home}/first"\n'
        f'[first_start.cluster]\nrapi_url = "https://127.0.0.1:{nobody}"\n'
        f'rapi_password_file = "{home}/rapi-password"\n'
        "[security_compliance]\nlockout_failure_attempts = 3\nlockout_duration = 5\n"
        "unique_last_password_count = 2\n"  # as tempest.conf.template says
    )
