"""
Settings of the daemon, as an operator may write them.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from archipelagod.nbd.settings import checked, parse_address
from archipelagod.settings import ArchipelagoSettings
from archipelagod.stores.address import BadAddress
from archipelagod.stores.address import parse_address as parse_store
from synnefo_tx.daemon.settings import SettingsError, load
from tests.fuzz import memory
from tests.fuzz.cursor import Cursor
from tests.fuzz.messages import counted
from tests.fuzz.wire_targets import attempt

PLAIN = 'state_dir = "/x"\nlisten = "unix:/y"\nsecret_file = "z"\nnbd_socket = "n"\n'
KEYS = (
    *ArchipelagoSettings.__struct_fields__,
    "nbd.tcp",
    "nbd.tls",
    "nbd.tls.ca",
    "nbd.tls.key",
    "nbd.tls.certificate",
    "nbd.tls.client_certificates",
    "nbd.trusts_network",
    "nbd.uids",
    "nbd.default_export",
    "upkeep.debounce_s",
    "upkeep.scrub_bytes_per_second",
)
VALUES = (
    "true",
    "0",
    "-1",
    "1e400",
    "nan",
    "[1, 2]",
    "[-1]",
    '"0.0.0.0:10809"',
    '"[::1]:1"',
    '"optional"',
    '"inline"',
    '""',
    "{}",
    '{certificate = "c", key = "k"}',
    "1979-05-27T07:32:00Z",
    '"file:/x?direct=1"',
    '"rados:p?conf=/x"',
)


@cache
def _file() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz", dir=tempfile.tempdir or memory())) / "settings"


def settings(data: bytes) -> None:
    """
    A settings file is settings or SettingsError; what is in them too.
    """
    cursor = Cursor(data)
    attempt(parse_address, SettingsError, data.decode("utf-8", "replace"))
    attempt(parse_store, BadAddress, data.decode("utf-8", "replace"))
    counted(1)
    _file().write_bytes(data if cursor.number() & 1 else _lines(cursor).encode())
    found = attempt(load, SettingsError, _file(), ArchipelagoSettings)
    if isinstance(found, ArchipelagoSettings):
        assert found.most_workers > 0
        attempt(checked, SettingsError, found.nbd)
        attempt(parse_store, BadAddress, found.store_spec)


def _lines(cursor: Cursor) -> str:
    """
    Keys that there are, with values of any kind.
    """
    lines = [PLAIN]
    while not cursor.is_at_end:
        key, choice = KEYS[cursor.number() % len(KEYS)], cursor.number()
        text = cursor.bytes(choice & 15).decode("utf-8", "replace")
        value = VALUES[choice % len(VALUES)] if choice & 16 else f'"{text}"'
        lines.append(f"{key} = {text if choice & 32 else value}")
    return "\n".join(lines)
