"""
Subcommands that bring images in and out.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from archipelagod.client.blocking import BlockingClient
from archipelagod.tool.session import Session, command
from archipelagod.tool.volumes import SIZE, VOLUME
from archipelagod.wire.errors import StorageError

PART = 1 << 20
_ZEROS = bytes(PART)
QCOW2 = b"QFI\xfb"

Progress = Callable[[int, int], None]


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("volume")
@click.option("--size", "-s", type=SIZE, help="If the volume is to be larger than the image.")
@click.option("--seal", is_flag=True, help="Make it read-only, to be cloned.")
@command
def import_(session: Session, file: Path, volume: str, size: int | None, seal: bool) -> None:
    """
    Make a volume of an image file, raw or qcow2 (or what else qemu-img reads).
    """
    with _as_raw(file) as raw, session.progress(f"import {file.name}") as progress:
        content = raw.stat().st_size
        session.client.create(volume, max(content, size or 0))
        try:
            fill(session.client, volume, raw, progress)
            if seal:
                session.client.seal(volume)
        except BaseException:
            with contextlib.suppress(StorageError):
                session.client.delete(volume)
            raise


@contextlib.contextmanager
def _as_raw(file: Path) -> Iterator[Path]:
    """
    The file, or a sparse raw copy of it beside it when it has another format.
    """
    with file.open("rb") as image:
        is_raw = image.read(4) != QCOW2 and file.suffix.lower() in ("", ".raw", ".img", ".iso")
    if is_raw:
        yield file
        return
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".raw") as copy:
        _qemu_img("convert", "-O", "raw", str(file), copy.name)
        yield Path(copy.name)


def _qemu_img(*arguments: str) -> None:
    try:
        subprocess.run(("qemu-img", *arguments), check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise click.ClickException("qemu-img is not installed") from None
    except subprocess.CalledProcessError as error:
        raise click.ClickException(error.stderr.strip()) from None


def fill(client: BlockingClient, volume: str, raw: Path, progress: Progress) -> None:
    """
    Writes the data of a raw file, not its holes, to a volume of zeros.
    """
    total = raw.stat().st_size
    with raw.open("rb") as image, client.open(volume) as opened:

        def parts() -> Iterator[tuple[int, bytes]]:
            for offset, size in _data_of(image.fileno(), total):
                data = os.pread(image.fileno(), size, offset)
                progress(offset + size, total)
                if data != _ZEROS[: len(data)]:
                    yield offset, data

        opened.write_many(parts())
        opened.flush()


def _data_of(fd: int, total: int) -> Iterator[tuple[int, int]]:
    at = 0
    while at < total:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            return  # a hole up to the end
        end = os.lseek(fd, start, os.SEEK_HOLE)
        for offset in range(start, end, PART):
            yield offset, min(PART, end - offset)
        at = end


@click.command()
@click.argument("volume", type=VOLUME)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format", "kind", type=click.Choice(["raw", "qcow2"]), default="raw", show_default=True
)
@click.option("--force", is_flag=True, help="Replace FILE.")
@command
def export(session: Session, volume: str, file: Path, kind: str, force: bool) -> None:
    """
    Write the content of a volume to an image file, sparse.

    Of a volume in use take a snapshot first: its content may change meanwhile.
    """
    if file.exists() and not force:
        raise click.ClickException(f"{file} exists: --force replaces it")
    with tempfile.NamedTemporaryFile(dir=file.absolute().parent, delete=False) as made:
        target = Path(made.name)
    try:
        with session.progress(f"export {volume}") as progress:
            save(session.client, volume, target, progress)
        if kind == "qcow2":
            raw, target = target, target.with_suffix(".qcow2")
            try:
                _qemu_img("convert", "-f", "raw", "-O", "qcow2", str(raw), str(target))
            finally:
                raw.unlink()
        target.replace(file)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def save(client: BlockingClient, volume: str, target: Path, progress: Progress) -> None:
    """
    Writes what a volume has to a raw file, with holes where it has nothing.
    """
    with target.open("r+b") as image, client.open(volume) as opened:
        total = opened.size_bytes
        image.truncate(total)
        ranges = [
            (offset, min(PART, extent.offset + extent.size - offset))
            for extent in client.mapr(volume, 0, total)
            if extent.kind != "zero"
            for offset in range(extent.offset, extent.offset + extent.size, PART)
        ]
        for (offset, size), data in zip(ranges, opened.read_many(ranges), strict=True):
            progress(offset + size, total)
            if data != _ZEROS[:size]:
                os.pwrite(image.fileno(), data, offset)


COMMANDS = (import_, export)
