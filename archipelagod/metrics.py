"""
Figures as Prometheus reads them: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from archipelagod.upkeep import figures as upkeep_figures

_OF_VOLUMES = (
    ("connections", "gauge", "connections", "Clients that are connected."),
    ("size_bytes", "gauge", "size_bytes", "Size of the volume."),
    ("dirty_bytes", "gauge", "dirty_bytes", "At most so much is not on stable storage."),
    ("flush_groups", "counter", "flushes_total", "Flushes of the store; each may answer many."),
    ("largest_flush_group", "gauge", "largest_flush_group", "Most flushes answered by one."),
)
_OF_OPERATIONS = (
    ("bytes", "counter", "bytes_total", "Bytes read or written."),
    ("errors", "counter", "errors_total", "Requests that the store failed."),
)


PIECE_BYTES = 64 << 10


def pieces(statistics: dict[str, Any]) -> Iterator[bytes]:
    """
    What ``Volumes.statistics`` gives, as text in pieces of about PIECE_BYTES: that of a thousand
    volumes is several MiB.
    """
    piece = bytearray()
    for line in chain(_lines(statistics["volumes"]), upkeep_figures.lines(statistics["upkeep"])):
        piece += line.encode()
        piece += b"\n"
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _lines(volumes: dict[str, Any]) -> Iterator[str]:
    yield from _head("volumes_open", "gauge", "Volumes that are open.")
    yield f"archipelagod_volumes_open {len(volumes)}"
    for key, kind, name, text in _OF_VOLUMES:
        yield from _head(f"volume_{name}", kind, text)
        for volume, figures in volumes.items():
            yield f'archipelagod_volume_{name}{{volume="{volume}"}} {figures[key]}'
    for key, kind, name, text in _OF_OPERATIONS:
        yield from _head(f"volume_{name}", kind, text)
        for labels, figures in _operations(volumes):
            yield f"archipelagod_volume_{name}{{{labels}}} {figures[key]}"
    yield from _head("volume_request_seconds", "histogram", "Time from arrival to reply.")
    for labels, figures in _operations(volumes):
        yield from _histogram("archipelagod_volume_request_seconds", labels, figures)


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP archipelagod_{name} {text}"
    yield f"# TYPE archipelagod_{name} {kind}"


def _operations(volumes: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    # a volume's name needs no escaping: see volume.names
    for volume, figures in volumes.items():
        for operation, counted in figures["operations"].items():
            yield f'volume="{volume}",operation="{operation}"', counted


def _histogram(name: str, labels: str, figures: dict[str, Any]) -> Iterator[str]:
    total = 0
    for place, count in enumerate(figures["latency"]):
        total += count
        yield f'{name}_bucket{{{labels},le="{2**place / 1e6:g}"}} {total}'
    yield f'{name}_bucket{{{labels},le="+Inf"}} {figures["count"]}'
    yield f"{name}_sum{{{labels}}} {figures['microseconds'] / 1e6:g}"
    yield f"{name}_count{{{labels}}} {figures['count']}"
