"""
Subcommands for incremental backups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import click

from archipelagod.backup import stream
from archipelagod.client.blocking import BlockingClient
from archipelagod.tool.contents import differences
from archipelagod.tool.session import Session, command
from archipelagod.tool.volumes import VOLUME
from archipelagod.wire.errors import NotReadOnly

PART = 1 << 20


@click.command()
@click.argument("snapshot", type=VOLUME)
@click.argument("file", type=click.File("wb"))
@click.option("--since", type=VOLUME, help="Only what differs from this older snapshot.")
@command
def backup(session: Session, snapshot: str, file: IO[bytes], since: str | None) -> None:
    """
    Write a snapshot, or what changed since an older one, to FILE (- for standard output).

    The format is that of "rbd export-diff".
    """
    client = session.client
    found = client.info(snapshot)
    if not found.read_only:
        raise NotReadOnly(f"{snapshot}: take a snapshot of it")
    with session.progress(f"back up {snapshot}") as progress:
        file.write(stream.pack_start(stream.Start(since, snapshot, found.size_bytes)))
        for part in _parts(client, since, snapshot):
            file.write(stream.pack_part(part))
            progress(part.offset + part.size, found.size_bytes)
        file.write(stream.END)
        file.flush()


def _parts(client: BlockingClient, older: str | None, snapshot: str) -> Iterator[stream.Part]:
    with client.open(snapshot) as opened:
        for extent in differences(client, older, snapshot):
            if extent.kind == "zero":
                if older is not None:
                    yield stream.Part(extent.offset, extent.size, None)
                continue
            end = extent.offset + extent.size
            ranges = [
                (offset, min(PART, end - offset)) for offset in range(extent.offset, end, PART)
            ]
            for (offset, size), data in zip(ranges, opened.read_many(ranges), strict=True):
                yield stream.Part(offset, size, data if any(data) else None)


@click.command()
@click.argument("file", type=click.File("rb"))
@click.argument("volume")
@click.option(
    "--snapshot/--no-snapshot",
    default=True,
    show_default=True,
    help="Take a snapshot afterwards, named as the one that was backed up.",
)
@command
def restore(session: Session, file: IO[bytes], volume: str, snapshot: bool) -> None:
    """
    Put a backup (- for standard input) into VOLUME: a new one, or for a backup of changes the one
    that the earlier backups were put into.
    """
    try:
        start = stream.read_start(file.read)
        _restore(session, file, volume, start)
    except stream.BadStream as error:
        raise click.ClickException(f"{file.name}: {error}") from None
    if snapshot and start.newer is not None:
        session.client.snapshot(volume, f"{volume}-{start.newer}")


def _restore(session: Session, file: IO[bytes], volume: str, start: stream.Start) -> None:
    client = session.client
    if start.older is None:
        client.create(volume, start.size_bytes)
    elif client.info(volume).size_bytes != start.size_bytes:
        client.resize(volume, start.size_bytes)
    with session.progress(f"restore {volume}") as progress, client.open(volume) as opened:
        for part in stream.read_parts(file.read):
            if part.data is None:
                opened.zero(part.offset, part.size)
            else:
                opened.write(part.offset, part.data)
            progress(part.offset + part.size, start.size_bytes)
        opened.flush()


COMMANDS = (backup, restore)
