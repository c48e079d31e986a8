"""
The copy of the journal that a master candidate keeps.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import IO

from attrs import frozen
from twisted.logger import Logger

from ganetid.jobs.database import IThread
from ganetid.node.rpc.server import GONE, MASTER, Asked, Door, Refused
from ganetid.replication.records import Gap, Position, Shipment, apply, decode, position_of
from synnefo_tx.daemon.private_files import write_private

NAME = "replica.db"


@frozen
class Files:
    """
    What a master needs beside the journal.

    authority_key: of the cluster's CA.  rapi: certificate and key of the remote API.
    users: who may use that.
    """

    authority_key: str
    rapi: str
    users: str


class Replica:
    """
    A candidate's copy, in ``replica.db`` of its state directory.

    All work is done by `thread`, in order.
    """

    _log = Logger()

    def __init__(self, state: Path, thread: IThread) -> None:
        self._path = state / NAME
        self._state = state
        self._thread = thread
        self._connection: sqlite3.Connection | None = None
        self.position = Position()

    async def open(self) -> None:
        """Find out where it stands, if there is one."""
        await self._thread.run(self._open)

    async def append(self, shipment: Shipment) -> Position:
        """Keep records; it is on disk when this returns.  Raises Gap."""
        self.position = await self._thread.run(self._append, shipment)
        return self.position

    async def replace(self, content: IO[bytes]) -> Position:
        """Begin anew from a whole copy."""
        self.position = await self._thread.run(self._replace, content)
        self._log.info("a copy of the journal was taken over, at {at}", at=self.position.number)
        return self.position

    async def take_over(self) -> None:
        """Make it the journal of this machine's own master half.  The replica is no more."""
        await self._thread.run(self._take_over)
        self.position = Position()

    async def close(self) -> None:
        """Close it."""
        await self._thread.run(self._close)
        self._thread.stop()

    def doors(self) -> dict[str, Door]:
        """What the master may ask."""
        return {
            "append": Door(self._append_door, MASTER),
            "snapshot": Door(self._snapshot_door, MASTER),
        }

    async def _append_door(self, asked: Asked) -> bytes:
        try:
            await self.append(decode(asked.body))
        except (Gap, sqlite3.Error) as error:
            raise Refused(GONE, str(error).encode()) from error
        return b"{}"

    async def _snapshot_door(self, asked: Asked) -> bytes:
        try:
            await self.replace(asked.request.content)
        except ValueError as error:  # the master hung up, which closes the content
            raise Refused(GONE, str(error).encode()) from error
        return b"{}"

    def _open(self) -> None:
        if self._path.exists():
            self.position = position_of(self._connected())

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")
            self._connection = connection
        return self._connection

    def _append(self, shipment: Shipment) -> Position:
        if self._connection is None and not self._path.exists():
            raise Gap("there is no copy yet")
        return apply(self._connected(), shipment)

    def _replace(self, content: IO[bytes]) -> Position:
        self._close()
        partial = self._path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        content.seek(0)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            shutil.copyfileobj(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        _move_database(partial, self._path)
        return position_of(self._connected())

    def _take_over(self) -> None:
        if self._connection is None and not self._path.exists():
            raise FileNotFoundError(f"there is no copy of the journal in {self._path}")
        self._connected()
        self._close()
        _move_database(self._path, self._state / "cluster.db")

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()  # the last one: it empties the write-ahead log


def _move_database(source: Path, target: Path) -> None:
    """The log of a former database must not be taken for one of the new."""
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    source.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def write_files(files: Files, tls: Path, rapi: Path, users: Path) -> None:
    """Keep what a master needs; a users file of this machine's own stays.  Blocks."""
    tls.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(tls / "ca.key", files.authority_key)
    write_private(rapi, files.rapi)
    if files.users and not users.exists():
        write_private(users, files.users)


def read_files(tls: Path, rapi: Path, users: Path) -> Files:
    """What this master gives to candidates.  Blocks."""

    def text(path: Path) -> str:
        return path.read_text("utf-8") if path.exists() else ""

    return Files(text(tls / "ca.key"), text(rapi), text(users))
