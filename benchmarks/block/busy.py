"""
``python -m benchmarks.block.busy HOME``: keeps a daemon's control plane busy until it is ended.

One client that lists, creates and deletes volumes without a pause.
"""

from __future__ import annotations

import sys
from pathlib import Path

from archipelagod.wire.client import BlockClient
from benchmarks.block.control import Control, start_reactor

MIB = 1 << 20
SOME = 20


async def round_of(client: BlockClient, name: str) -> None:
    """
    One volume more, and one less.
    """
    await client.create(name, MIB)
    await client.list(limit=SOME)
    await client.info(name)
    await client.delete(name)


def main(home: Path) -> None:
    start_reactor()
    control = Control(f"unix:{home}/wire", home / "secret")
    print("busy", flush=True)
    number = 0
    while True:
        name = f"busy{number}"
        control.ask(lambda client, name=name: round_of(client, name))  # type: ignore[misc]
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
