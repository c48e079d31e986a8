"""
Subcommands that make, name, change and remove volumes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from click.shell_completion import CompletionItem

from archipelagod.client.blocking import BlockingClient, Limits, VolumeInfo
from archipelagod.tool.session import CONFIG, Session, command, connected
from archipelagod.tool.values import SizeType, size_text, time_text
from archipelagod.wire.errors import StorageError

SIZE = SizeType()
PAGE = 1000


class VolumeType(click.ParamType[str]):
    """
    A volume's name, completed by the daemon's list.
    """

    name = "volume"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """See ParamType."""
        given = ctx.find_root().params
        try:
            session = connected(
                given.get("endpoint"),
                given.get("secret_file"),
                given.get("config") or CONFIG,
                is_json=False,
                timeout_s=2.0,
            )
            with session.client:
                found = session.client.list(limit=100, prefix=incomplete)
        except (StorageError, click.ClickException, OSError):
            return []
        return [CompletionItem(info.name) for info in found]


VOLUME = VolumeType()


def all_volumes(client: BlockingClient, prefix: str) -> Iterator[VolumeInfo]:
    """
    Every volume whose name begins so, page by page.
    """
    marker = ""
    while page := client.list(marker=marker, limit=PAGE, prefix=prefix):
        yield from page
        marker = page[-1].name


def described(info: VolumeInfo) -> dict[str, Any]:
    """
    A volume as JSON shows it.
    """
    return {
        "name": info.name,
        "size_bytes": info.size_bytes,
        "own_bytes": info.own_bytes,
        "shared_bytes": info.shared_bytes,
        "read_only": info.read_only,
        "protected": info.protected,
        "connections": info.connections,
        "created_at": time_text(info.created_at),
    }


def _readable(info: VolumeInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "size": size_text(info.size_bytes),
        "own": size_text(info.own_bytes),
        "shared": size_text(info.shared_bytes),
        "kind": "snapshot" if info.read_only else "volume",
        "protected": info.protected,
        "connections": info.connections,
        "created": time_text(info.created_at),
    }


@click.command("list")
@click.argument("prefix", default="", type=VOLUME)
@click.option("--names", "only_names", is_flag=True, help="Print nothing but names, one a line.")
@command
def list_(session: Session, prefix: str, only_names: bool) -> None:
    """
    List volumes and snapshots, those whose names begin with PREFIX.
    """
    found = all_volumes(session.client, prefix)
    if only_names and not session.is_json:
        for info in found:
            click.echo(info.name)
    elif session.is_json:
        session.table([described(info) for info in found], ())
    else:
        columns = ("name", "size", "own", "shared", "kind", "connections", "created")
        session.table([_readable(info) for info in found], columns)


@click.command()
@click.argument("volume", type=VOLUME)
@command
def info(session: Session, volume: str) -> None:
    """
    Tell what is known of a volume.

    "own" is what goes when it is deleted, "shared" what its origin or clones may need as well.
    """
    found = session.client.info(volume)
    session.show(described(found) if session.is_json else _readable(found))


@click.command()
@click.argument("volume")
@click.option("--size", "-s", type=SIZE, required=True, help="Such as 10G.")
@command
def create(session: Session, volume: str, size: int) -> None:
    """
    Make a volume of zeros.  It takes space as it is written.
    """
    session.client.create(volume, size)


@click.command()
@click.argument("origin", type=VOLUME)
@click.argument("volume")
@click.option("--size", "-s", type=SIZE, help="If it is to be larger than its origin.")
@command
def clone(session: Session, origin: str, volume: str, size: int | None) -> None:
    """
    Make a writable copy of a snapshot or sealed volume, at once, whatever its size.
    """
    session.client.clone(origin, volume, size)


@click.command()
@click.argument("volume", type=VOLUME)
@click.argument("name")
@command
def snapshot(session: Session, volume: str, name: str) -> None:
    """
    Keep the present content of a volume, in use or not, as the read-only volume NAME.
    """
    session.client.snapshot(volume, name)


@click.command()
@click.argument("volume", type=VOLUME)
@click.argument("snapshot", type=VOLUME)
@command
def rollback(session: Session, volume: str, snapshot: str) -> None:
    """
    Give a volume, not in use, the content of one of its snapshots again.
    """
    session.client.rollback(volume, snapshot)


@click.command()
@click.argument("volume", type=VOLUME)
@command
def seal(session: Session, volume: str) -> None:
    """
    Make a volume read-only for ever, so that it can be cloned.
    """
    session.client.seal(volume)


@click.command()
@click.argument("volume", type=VOLUME)
@click.argument("name")
@command
def rename(session: Session, volume: str, name: str) -> None:
    """
    Give a volume another name.
    """
    session.client.rename(volume, name)


@click.command()
@click.argument("volume", type=VOLUME)
@click.argument("size", type=SIZE)
@click.option("--shrink", is_flag=True, help="Allow to cut off what lies beyond SIZE.")
@command
def resize(session: Session, volume: str, size: int, shrink: bool) -> None:
    """
    Change the size of a volume, in use or not.  Clients see it when they connect again.
    """
    if not shrink and size < session.client.info(volume).size_bytes:
        raise click.UsageError("the volume is larger: --shrink cuts it")
    session.client.resize(volume, size)


@click.command()
@click.argument("volumes", nargs=-1, required=True, type=VOLUME)
@command
def remove(session: Session, volumes: tuple[str, ...]) -> None:
    """
    Delete volumes.  Their clones live on.
    """
    for volume in volumes:
        session.client.delete(volume)


@click.command()
@click.argument("volume", type=VOLUME)
@click.option("--off", is_flag=True, help="Allow it again.")
@command
def protect(session: Session, volume: str, off: bool) -> None:
    """
    Forbid to delete a volume.
    """
    session.client.protect(volume, not off)


@click.command()
@click.argument("volume", type=VOLUME)
@click.option("--iops", default=0.0, help="Requests a second; 0: no limit.")
@click.option("--bytes", "bytes_per_second", type=SIZE, default=0, help="Bytes a second; 0: none.")
@click.option("--burst", default=1.0, show_default=True, help="Seconds' worth that may be saved.")
@command
def limit(session: Session, volume: str, iops: float, bytes_per_second: int, burst: float) -> None:
    """
    Limit what the clients of a volume may do together.
    """
    session.client.set_limits(volume, Limits(iops, float(bytes_per_second), burst))


COMMANDS = (
    list_,
    info,
    create,
    clone,
    snapshot,
    rollback,
    seal,
    rename,
    resize,
    remove,
    protect,
    limit,
)
