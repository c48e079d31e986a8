"""
The API's part of the all-in-one cloud, as everything that looks at such a cloud finds it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from synnefo_tx.daemon.private_files import write_private
from synnefo_tx.processes.settings import (
    AllInOneSettings,
    ApiSettings,
    FirstCluster,
    FirstExternal,
    FirstImage,
    FirstStart,
)

RAPI_USER = "synnefo"
# Ids that stay the same from cloud to cloud, for whoever writes them down, as judges do.
IMAGES = (
    FirstImage(name="synnefo-guest", id="11111111-1111-4111-8111-111111111111"),
    FirstImage(name="synnefo-guest-alt", id="22222222-2222-4222-8222-222222222222"),
)
EXTERNAL_NETWORK = "33333333-3333-4333-8333-333333333333"


def state_directory() -> Path:
    """
    `$SYNNEFO_STATE`, else ./var.
    """
    return Path(os.environ.get("SYNNEFO_STATE") or "var").absolute()


def mark_of(state: Path) -> str:
    """
    Six letters that this cloud's bridge and packet rules carry, so that several clouds can share
    a machine.
    """
    path = state / "mark"
    if not path.exists():
        write_private(path, f"{secrets.token_hex(3)}\n")
    return path.read_text(encoding="utf-8").strip()


def database_url(state: Path) -> str:
    """
    Of the cloud whose state is kept in `state`.
    """
    return f"sqlite:///{state / 'synnefo.db'}"


def api_settings(settings: AllInOneSettings, state: Path) -> ApiSettings:
    """
    The API's part of the cloud whose state is kept in `state`.
    """
    mark = mark_of(state)
    return ApiSettings(
        database_url=database_url(state),
        host=settings.host,
        port=settings.port,
        public_url=settings.public_url,
        token_keys=str(state / "token-keys"),
        block_endpoint=f"unix:{state / 'block.sock'}",
        block_secret_file=str(state / "block.secret"),
        nbd_socket=str(state / "nbd.sock"),
        security_compliance=settings.security_compliance,
        log_in=settings.log_in,
        sign_up=settings.sign_up,
        mail=settings.mail,
        personal_projects=settings.personal_projects,
        first_start=FirstStart(
            files=str(state),
            image=settings.image or os.environ.get("SYNNEFO_IMAGE"),
            images=IMAGES,
            network_cidr=settings.network_cidr,
            network_link=settings.network_link or f"snf-{mark}",
            dns=settings.dns,
            external=FirstExternal(id=EXTERNAL_NETWORK, link=f"snf-{mark}-ext"),
            cluster=FirstCluster(
                name=f"cluster-{mark}",
                rapi_url=f"https://127.0.0.1:{settings.rapi_port}",
                rapi_user=RAPI_USER,
                rapi_password_file=str(state / "rapi-password"),
                ca_file=str(state / "ganetid" / "rapi.pem"),
                console_url=_console_url(settings),
            ),
        ),
    )


def _console_url(settings: AllInOneSettings) -> str:
    """Where the API itself is reached, at the consoles' port."""
    told = urlsplit(settings.public_url or "")
    is_any = settings.host in ("", "0.0.0.0")
    host = told.hostname or ("127.0.0.1" if is_any else settings.host)
    return f"http://{host}:{settings.console_port}"
