"""
How the command reaches a daemon: its own over a unix socket, a master's by a token.  All blocks.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from ganetid.admin.door import SOCKET
from ganetid.node.rpc.joining import Token
from ganetid.settings import GanetiSettings, check
from synnefo_tx.daemon.settings import SettingsError, load

CONFIG = "/etc/synnefo/ganetid.toml"
PATIENCE_S = 300.0


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@frozen
class Session:
    """The daemon whose settings these are."""

    settings: GanetiSettings

    @property
    def state(self) -> Path:
        """Where it keeps everything."""
        return Path(self.settings.state_dir)

    def ask(self, verb: str, given: Mapping[str, Any] | None = None) -> Any:
        """The daemon's answer.  Raises ClickException."""
        connection = _UnixConnection(self.state / SOCKET, PATIENCE_S)
        try:
            connection.request("POST", f"/{verb}", json.dumps(given or {}))
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException) as error:
            raise click.ClickException(
                f"ganetid does not answer at {self.state / SOCKET}: {error}"
            ) from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise click.ClickException(answer["error"])
        return answer


def session_of(config: str) -> Session:
    """The daemon that a settings file describes.  Raises ClickException."""
    try:
        settings: GanetiSettings = load(config, GanetiSettings)
        check(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    return Session(settings)


def tell_master(token: Token, path: str, body: bytes) -> bytes:
    """
    The master's answer to a stranger.  The master is known by its certificate's fingerprint, and
    is told nothing before that was looked at.  Raises ClickException.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(
        token.host, token.port, timeout=PATIENCE_S, context=context
    )
    try:
        connection.connect()
        shown = connection.sock.getpeercert(True)
        if hashlib.sha256(shown or b"").hexdigest() != token.fingerprint:
            raise click.ClickException(
                f"{token.host}:{token.port} does not show the certificate that the token names"
            )
        connection.request("POST", f"/{path}", body)
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise click.ClickException(
            f"the master does not answer at {token.host}:{token.port}: {error}"
        ) from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise click.ClickException(answer.decode("utf-8", "replace") or str(response.status))
    return answer
