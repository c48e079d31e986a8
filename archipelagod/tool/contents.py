"""
Subcommands about what is in volumes.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from archipelagod.client.blocking import BlockingClient, Extent
from archipelagod.tool.session import Session, command
from archipelagod.tool.volumes import VOLUME


def differences(client: BlockingClient, older: str | None, volume: str) -> Iterator[Extent]:
    """
    Every range in which a snapshot differs from an older one, or from zeros.
    """
    offset: int | None = 0
    while offset is not None:
        found, offset = client.diff(older, volume, offset)
        yield from found


@click.command()
@click.argument("volume", type=VOLUME)
@command
def flatten(session: Session, volume: str) -> None:
    """
    Copy what a clone shares with its origin, so that it shares nothing.
    """
    with session.progress(f"flatten {volume}") as progress:
        session.client.flatten(volume, progress)


@click.command()
@click.argument("volume", type=VOLUME)
@click.argument("name")
@command
def copy(session: Session, volume: str, name: str) -> None:
    """
    Make a copy that shares nothing with VOLUME.  A clone is quicker, and takes no space.
    """
    with session.progress(f"copy {volume}") as progress:
        session.client.copy(volume, name, progress)


@click.command("hash")
@click.argument("volume", type=VOLUME)
@command
def hash_(session: Session, volume: str) -> None:
    """
    Print the hash of a snapshot: the root of the Merkle tree over its 4 MiB objects.
    """
    with session.progress(f"hash {volume}") as progress:
        found = session.client.hash(volume, progress)
    session.show({"hash": found} if session.is_json else found)


@click.command("map")
@click.argument("volume", type=VOLUME)
@command
def map_(session: Session, volume: str) -> None:
    """
    Show where a volume has data: ranges that are zero, own, shared, or content-addressed blocks.
    """
    size = session.client.info(volume).size_bytes
    _show_extents(session, session.client.mapr(volume, 0, size))


@click.command()
@click.argument("older", type=VOLUME)
@click.argument("newer", type=VOLUME)
@command
def diff(session: Session, older: str, newer: str) -> None:
    """
    Show in which ranges snapshot NEWER may differ from snapshot OLDER.
    """
    _show_extents(session, list(differences(session.client, older, newer)))


def _show_extents(session: Session, found: list[Extent]) -> None:
    rows = [{"offset": each.offset, "length": each.size, "kind": each.kind} for each in found]
    session.table(rows, ("offset", "length", "kind"))


COMMANDS = (flatten, copy, hash_, map_, diff)
