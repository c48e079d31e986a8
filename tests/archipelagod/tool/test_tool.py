"""
The command, as a process, against a daemon.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.utils import getProcessOutputAndValue

from archipelagod.tool.values import size_text
from tests.archipelagod.running import ROOT, StorageCase

reactor: Any = _reactor
MIB = 1 << 20


class ToolTests(StorageCase):
    """archipelago."""

    timeout = 180

    async def start(self) -> None:
        """A daemon of the test's own."""
        await self.up(self.spawn())

    async def tool(self, *arguments: str, code: int = 0) -> str:
        """Output of a run that ends with ``code``."""
        out, err, status = await getProcessOutputAndValue(
            sys.executable,
            [
                "-m",
                "archipelagod.tool",
                "--config",
                f"{self.directory}/archipelagod.toml",
                *arguments,
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        )
        self.assertEqual(status, code, (out + err).decode())
        return (out + err).decode()

    async def json(self, *arguments: str) -> Any:
        """What a run says as JSON."""
        return json.loads(await self.tool("--json", *arguments))

    def image(self, name: str, size: int, seed: int) -> Path:
        """A sparse file with some data."""
        path = Path(self.directory) / name
        chance = random.Random(seed)
        with path.open("wb") as file:
            file.truncate(size)
            for start in range(0, size, size // 3):
                file.seek(start)
                file.write(chance.randbytes(70_001))
        return path

    async def test_life_of_a_volume(self) -> None:
        """Made of an image, cloned, written, kept, resized, exported, removed."""
        await self.start()
        image = self.image("disk.raw", 13 * MIB, 1)
        await self.tool("import", str(image), "base", "--seal")
        await self.tool("clone", "base", "vm", "--size", "16M")
        await self.qemu_io("vm", "write -P 7 1M 64k")
        await self.tool("snapshot", "vm", "vm-1")
        await self.tool("resize", "vm", "32M")
        found = await self.json("info", "vm")
        self.assertEqual((found["size_bytes"], found["read_only"]), (32 * MIB, False))
        self.assertEqual([each["name"] for each in await self.json("list")], ["base", "vm", "vm-1"])
        self.assertIn("16.00 MiB", await self.tool("list", "vm-1"))
        changed = await self.json("diff", "base", "vm-1")
        self.assertEqual(changed[0], {"offset": MIB, "length": 65536, "kind": "shared"})
        await self.tool("export", "base", f"{self.directory}/copy.raw")
        self.assertEqual(Path(f"{self.directory}/copy.raw").read_bytes(), image.read_bytes())
        await self.tool("rollback", "vm", "vm-1")
        await self.tool("flatten", "vm")
        kinds = {each["kind"] for each in await self.json("map", "vm")}
        self.assertEqual(kinds, {"own"})
        await self.tool("copy", "vm-1", "other")
        await self.tool("seal", "other")
        self.assertEqual(await self.tool("hash", "other"), await self.tool("hash", "vm-1"))
        await self.tool("rename", "other", "another")
        await self.tool("remove", "vm", "vm-1", "another", "base")
        self.assertEqual(await self.json("list"), [])
        await self.json("gc")

    async def test_backups(self) -> None:
        """What changed between snapshots, put into a copy, makes the same snapshot."""
        await self.start()
        image = self.image("disk.raw", 13 * MIB, 2)
        full, changes = f"{self.directory}/full", f"{self.directory}/changes"
        await self.tool("import", str(image), "v")
        await self.tool("snapshot", "v", "s1")
        await self.qemu_io("v", "write -P 9 5M 100k", "write -z 0 64k")
        await self.tool("resize", "v", "20M")
        await self.tool("snapshot", "v", "s2")
        await self.tool("backup", "s1", full)
        await self.tool("backup", "s2", changes, "--since", "s1")
        self.assertLess(Path(changes).stat().st_size, 200_000)
        await self.tool("restore", full, "r")
        await self.tool("restore", changes, "r")
        for name in ("s1", "s2"):
            self.assertEqual(await self.tool("hash", name), await self.tool("hash", f"r-{name}"))
        Path(changes).write_bytes(Path(changes).read_bytes()[:-1])
        self.assertIn("too early", await self.tool("restore", changes, "r", code=1))

    async def test_qcow2(self) -> None:
        """A qcow2 image comes in, and goes out again."""
        await self.start()
        image = self.image("disk.raw", 5 * MIB, 3)
        await self.tool("import", str(image), "v")
        out = f"{self.directory}/out.qcow2"
        await self.tool("export", "v", out, "--format", "qcow2")
        await self.tool("export", "v", out, code=1)
        await self.tool("import", out, "w")
        for name in ("v", "w"):
            await self.tool("seal", name)
        self.assertEqual(await self.tool("hash", "v"), await self.tool("hash", "w"))

    async def test_refusals(self) -> None:
        """Each refusal has its exit code and one line; a wrong command line changes nothing."""
        await self.start()
        await self.tool("create", "v", "--size", "1G")
        said = await self.tool("info", "x", code=3)
        self.assertEqual(said, "archipelago: NoSuchVolume: x\n")
        await self.tool("create", "v", "--size", "1G", code=4)
        await self.tool("create", "w", "--size", "much", code=2)
        await self.tool("resize", "v", "1M", code=2)
        await self.tool("clone", "v", "w", code=1)
        await self.tool("protect", "v")
        await self.tool("remove", "v", code=9)
        await self.tool("protect", "v", "--off")
        await self.tool("remove", "v")
        await self.tool("--endpoint", f"unix:{self.directory}/nowhere", "list", code=7)
        other = Path(self.directory) / "other"
        other.write_text("x" * 32)
        await self.tool("--secret-file", str(other), "list", code=8)

    def test_sizes(self) -> None:
        """Sizes are told with their unit."""
        shown = [size_text(size) for size in (0, 1023, 1 << 20, 3 << 39, 5 << 50)]
        expected = ["0 B", "1023 B", "1.00 MiB", "1.50 TiB", "5120.00 TiB"]
        self.assertEqual(shown, expected)
