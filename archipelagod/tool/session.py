"""
What the subcommands share: the connection, the way to print, progress bars, errors.
"""

from __future__ import annotations

import contextlib
import functools
import json
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from archipelagod.client.blocking import BlockingClient
from archipelagod.wire.errors import (
    NoSpace,
    NoSuchVolume,
    NotAuthenticated,
    Protected,
    StorageError,
    StorageUnavailable,
    VolumeBusy,
    VolumeExists,
)

T = TypeVar("T")

CONFIG = "/etc/synnefo/archipelagod.toml"

#: exit codes; 1 is any other refusal, 2 a wrong command line
EXIT_CODES: Mapping[type[StorageError], int] = {
    NoSuchVolume: 3,
    VolumeExists: 4,
    VolumeBusy: 5,
    NoSpace: 6,
    StorageUnavailable: 7,
    NotAuthenticated: 8,
    Protected: 9,
}


class Session:
    """
    One run of the command.
    """

    def __init__(self, client: BlockingClient, nbd_socket: str | None, *, is_json: bool) -> None:
        self.client = client
        self.nbd_socket = nbd_socket
        self.is_json = is_json
        self._console = Console(highlight=False)

    def show(self, value: Any) -> None:
        """
        Prints one result: JSON, or a line for each key.
        """
        if self.is_json:
            click.echo(json.dumps(value))
        elif isinstance(value, dict):
            width = max((len(key) for key in value), default=0)
            for key, each in value.items():
                click.echo(f"{key + ':':{width + 2}}{_plain(each)}")
        else:
            click.echo(_plain(value))

    def table(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
        """
        Prints many results: a JSON array, or a table.
        """
        if self.is_json:
            click.echo(json.dumps(list(rows)))
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            is_number = any(isinstance(row.get(column), int) for row in rows)
            table.add_column(column.upper(), justify="right" if is_number else "left")
        for row in rows:
            table.add_row(*(_plain(row.get(column, "")) for column in columns))
        self._console.print(table)

    @contextlib.contextmanager
    def progress(self, text: str, *, is_bytes: bool = True) -> Iterator[Callable[[int, int], None]]:
        """
        A bar on standard error, if that is a terminal: call what you get with done and total.
        """
        console = Console(stderr=True)
        columns = [TextColumn("{task.description}"), BarColumn()]
        more = [DownloadColumn(binary_units=True), TransferSpeedColumn()] if is_bytes else []
        with Progress(
            *columns, *more, TimeRemainingColumn(), console=console, disable=not console.is_terminal
        ) as bar:
            task = bar.add_task(text, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value)
    return "-" if value is None else str(value)


def connected(
    endpoint: str | None, secret_file: str | None, config: str, *, is_json: bool, timeout_s: float
) -> Session:
    """
    A session with the daemon that the options, or its own settings file, name.
    """
    settings = _settings(config)
    endpoint = endpoint or _client_endpoint(settings.get("listen", ""))
    secret_file = secret_file or settings.get("secret_file")
    if not endpoint or not secret_file:
        raise click.UsageError(
            f"no daemon is named: {config} can't be read; give --endpoint and --secret-file"
        )
    try:
        secret = Path(secret_file).read_bytes().strip()
        client = BlockingClient(endpoint, secret, timeout_s)
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    return Session(client, settings.get("nbd_socket"), is_json=is_json)


def _settings(config: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(config).read_text())
    except (OSError, ValueError):
        return {}


def _client_endpoint(listen: str) -> str:
    """
    Where to find a daemon that listens there.
    """
    kind, _, rest = listen.partition(":")
    if kind == "unix":
        return f"unix:{rest.split(':')[0].removeprefix('address=')}"
    if kind in ("tcp", "ssl"):
        fields = dict(part.split("=", 1) for part in rest.split(":") if "=" in part)
        port = fields.get("port", rest.split(":")[0])
        return f"{kind}:{fields.get('interface', '127.0.0.1')}:{port}"
    return ""


def command(function: Callable[..., T]) -> Callable[..., T]:
    """
    Gives a subcommand its Session, and tells what storage refuses in one line.
    """

    @click.pass_obj
    @functools.wraps(function)
    def run(make: Callable[[], Session], *arguments: Any, **options: Any) -> T:
        try:
            session = make()
            with session.client:
                return function(session, *arguments, **options)
        except StorageError as error:
            words = str(error) or (error.__doc__ or "").strip()
            click.echo(f"archipelago: {type(error).__name__}: {words}", err=True)
            sys.exit(EXIT_CODES.get(type(error), 1))

    return run
