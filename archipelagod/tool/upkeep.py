"""
Subcommands for those who run the store.
"""

from __future__ import annotations

import sys

import click

from archipelagod.tool.session import Session, command
from archipelagod.tool.volumes import VOLUME


@click.command()
@command
def gc(session: Session) -> None:
    """
    Free what deleted volumes took.  The daemon does so by itself, in quiet moments.
    """
    with session.progress("collect", is_bytes=False) as progress:
        found = session.client.gc(progress)
    session.show(found)


@click.command()
@command
def scrub(session: Session) -> None:
    """
    Verify every map and every content-addressed block.  Exit code 1 when something is wrong.
    """
    with session.progress("scrub", is_bytes=False) as progress:
        found = session.client.scrub(progress)
    session.show(found)
    if found.get("findings"):
        sys.exit(1)


@click.command()
@command
def stats(session: Session) -> None:
    """
    Print what the daemon counts, for each volume in use and kind of request.
    """
    session.show(session.client.statistics())


@click.command()
@click.argument("volume", type=VOLUME)
@command
def nbd(session: Session, volume: str) -> None:
    """
    Print the NBD URI of a volume, for qemu, nbdcopy, nbdfuse or nbd-client.
    """
    session.client.info(volume)
    if not session.nbd_socket:
        raise click.UsageError("the daemon's settings name no nbd_socket: use --config")
    uri = f"nbd+unix:///{volume}?socket={session.nbd_socket}"
    session.show({"uri": uri} if session.is_json else uri)


@click.command()
@click.argument("volume", type=VOLUME)
@command
def acquire(session: Session, volume: str) -> None:
    """
    Make this daemon hold the volume's lease, so that no other one over the same store writes it.
    """
    session.client.acquire(volume)


@click.command()
@click.argument("volume", type=VOLUME)
@command
def release(session: Session, volume: str) -> None:
    """
    Make this daemon let go of the volume's lease, once nobody uses it here.
    """
    session.client.release(volume)


COMMANDS = (gc, scrub, stats, nbd, acquire, release)
