"""
docs/protocol.md and the code say the same.
"""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.wire import connection, framing, handshake, strangers, values
from archipelagod.wire import operations as op
from archipelagod.wire.errors import BY_STATUS
from archipelagod.wire.handling import holdings
from archipelagod.wire.handling.table import HANDLERS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "protocol.md").read_text()
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def section(title: str) -> str:
    """The text under a heading."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


def numbered(text: str) -> dict[int, str]:
    """Rows of a table that begin with a number and a name."""
    return {
        int(number): name
        for number, name in re.findall(r"^\| (\d+) \| (\w+) \|", text, re.MULTILINE)
    }


def constants(prefix: str) -> dict[int, str]:
    """Those of operations.py that begin so, without that."""
    return {
        number: name.removeprefix(prefix)
        for name, number in vars(op).items()
        if name.startswith(prefix) and isinstance(number, int) and name.isupper()
    }


class ProtocolPageTests(SynchronousTestCase):
    """Numbers and names."""

    def test_operations(self) -> None:
        """Every operation has its number, and there are no others."""
        text = section("Operations")
        told = numbered(text[: text.index("| flag |")])
        others = re.compile(r"FLAG_|FEATURE|MAX_|WINDOW|WORK_|HASH_BYTES|\w+_VERSION")
        known = {
            number: name
            for name, number in vars(op).items()
            if name.isupper() and isinstance(number, int) and not others.match(name)
        }
        self.assertEqual(told, known)

    def test_handled(self) -> None:
        """Every operation is done somewhere."""
        elsewhere = {op.HELLO, op.AUTHENTICATE, op.STARTTLS, op.OPEN, op.CLOSE}
        told = numbered(section("Operations")[: section("Operations").index("| flag |")])
        self.assertEqual(set(told), set(HANDLERS) | elsewhere)

    def test_flags(self) -> None:
        """Every flag."""
        text = section("Operations")
        self.assertEqual(numbered(text_after_flags(text)), constants("FLAG_"))

    def test_features(self) -> None:
        """Every feature."""
        told = numbered(section("Getting to know each other"))
        self.assertEqual(told, constants("FEATURE_"))

    def test_errors(self) -> None:
        """Every error has its number."""
        told = numbered(section("Errors"))
        self.assertEqual(told, {status: kind.__name__ for status, kind in BY_STATUS.items()})

    def test_data_connections(self) -> None:
        """What may be asked of a data connection."""
        row = re.search(r"^\| data \| (.*?) \|", section("Connection"), re.MULTILINE)
        assert row is not None
        told = {vars(op)[name] for name in row[1].split(", ")}
        self.assertEqual(told, op.OF_DATA_CONNECTIONS)

    def test_long_operations(self) -> None:
        """Which operations tell how far they are."""
        row = re.search(r"^\| 4 \| PROGRESS \| (.*?):", section("Operations"), re.MULTILINE)
        assert row is not None
        self.assertEqual({vars(op)[name] for name in row[1].split(", ")}, op.LONG)

    def test_header(self) -> None:
        """The fields of the header follow each other, and fill it."""
        rows = re.findall(r"^\| (\d+) \| (\d) \| [\w ]+ \|", section("Frame"), re.MULTILINE)
        self.assertEqual(len(rows), 13)
        end = 0
        for at, size in rows:
            self.assertEqual(int(at), end)
            end += int(size)
        self.assertEqual(end, framing.HEADER_BYTES)
        kinds = {"request": 1, "reply": 2, "error": 3, "progress": 4}
        for name, number in kinds.items():
            self.assertIn(f"{number} {name}", section("Frame"))
            self.assertEqual(getattr(framing, name.upper()), number)

    def test_limits(self) -> None:
        """Every limit is the one that holds."""
        told = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", section("Limits"), re.MULTILINE))
        self.assertEqual(
            told,
            {
                "target": f"{framing.MAX_TARGET} bytes",
                "data of READ, WRITE, PUT_BLOCK": f"{framing.MAX_IO_BYTES // MIB} MiB",
                "data of a frame": f"4 MiB + {(framing.MAX_DATA - 4 * MIB) // KIB} KiB",
                "data of a frame before authentication": f"{framing.MAX_DATA_BEFORE_HELLO} bytes",
                "window": f"{op.WINDOW} requests",
                "data in work, per control connection": f"{op.WORK_BYTES // MIB} MiB",
                "volumes of one LIST": f"{op.MAX_LISTED}",
                "volumes that one connection has acquired": f"{holdings.MAX_ACQUIRED}",
                "hashes in a frame": f"{op.MAX_HASHES}",
                "hashes of a volume made of hashes": f"{op.MAX_VOLUME_HASHES}",
                "volumes whose hashes one connection has begun": f"{holdings.MAX_COLLECTED}",
                "extents in a reply": f"{op.MAX_EXTENTS}",
                "range of one MAPR, MAPW": f"{op.MAX_MAP_BYTES // GIB} GiB",
                "connections not authenticated": f"{strangers.MAX_STRANGERS}",
                "time to authenticate": f"{connection.HELLO_TIMEOUT_S:.0f} s",
                "time to take what was sent": f"{connection.STUFFED_TIMEOUT_S:.0f} s",
            },
        )

    def test_sizes(self) -> None:
        """Sizes named in the text."""
        self.assertIn(f"of {handshake.HELLO_BYTES} bytes (H)", PAGE)
        self.assertIn(f"front (W, {handshake.WELCOME_BYTES} bytes)", PAGE)
        self.assertIn(f"are {values.EXTENT_BYTES} bytes each", PAGE)
        for number, kind in enumerate(values.KINDS):
            self.assertIn(f'{number} "{kind}"', PAGE)
        self.assertIn(f"This is version {op.HIGHEST_VERSION}", PAGE)


def text_after_flags(text: str) -> str:
    """The table of flags."""
    return text[text.index("| flag |") :]
