"""
NBD as QEMU's own programs see it.
"""

from __future__ import annotations

import json
import os
import shutil

from archipelagod.wire.client import BlockClient
from archipelagod.wire.errors import VolumeBusy
from tests.archipelagod.running import MIB, Program, StorageCase, reactor, run, until


class NbdTests(StorageCase):
    """A daemon whose workers are processes, judged by qemu-img and qemu-io."""

    datapath = "process"
    if shutil.which("qemu-io") is None:
        skip = "needs qemu-io and qemu-img (Debian: qemu-utils)"

    async def started(self, size_bytes: int = 16 * MIB) -> BlockClient:
        """A client of a daemon that has the volume "v"."""
        await self.serve(datapath=self.datapath)
        client = self.client()
        await client.create("v", size_bytes)
        return client

    async def test_write_and_read(self) -> None:
        """What was written is read, across objects, in this connection and the next."""
        await self.started()
        await self.qemu_io(
            "v", "write -P 0xa5 4094k 10k", "flush", "read -P 0xa5 4094k 10k", "read -P 0 0 4094k"
        )
        await self.qemu_io("v", "read -P 0xa5 4094k 10k", "read -P 0 4104k 8000k")

    async def test_kinds_of_writes(self) -> None:
        """FUA, zeroes and discards do what they say."""
        client = await self.started()
        await self.qemu_io(
            "v",
            "write -P 1 0 12M",
            "write -f -P 2 1M 4k",
            "write -z 2M 64k",
            "write -z -u 4M 4M",
            "discard 8M 4M",
            "flush",
            "read -P 2 1M 4k",
            "read -P 0 2M 64k",
            "read -P 1 2112k 100k",
            "read -P 0 4M 8M",
        )
        await client.seal("v")
        self.assertEqual((await client.info("v")).own_bytes, 4 * MIB)

    async def test_unaligned(self) -> None:
        """Single bytes at odd places."""
        await self.started()
        await self.qemu_io("v", "write -P 7 4194303 2", "write -z 4194304 1", "read -P 7 4194303 1")
        await self.qemu_io("v", "read -P 0 4194304 1", "read -P 0 4194302 1")

    async def test_many_at_once(self) -> None:
        """Requests that are on the way together don't disturb each other."""
        await self.started()
        writes = [f"aio_write -P {number + 1} {number * 500}k 300k" for number in range(30)]
        reads = [f"read -P {number + 1} {number * 500}k 300k" for number in range(30)]
        await self.qemu_io("v", *writes, "aio_flush", *reads)

    async def test_image_goes_in_and_out(self) -> None:
        """An image converted into a volume, and out again, is the same."""
        client = await self.started(20 * MIB)
        image = f"{self.directory}/image"
        with open(image, "wb") as file:
            file.write(os.urandom(3 * MIB))
            file.seek(9 * MIB)
            file.write(os.urandom(2 * MIB))
            file.truncate(20 * MIB)
        for command in (
            ("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image, self.uri("v")),
            ("qemu-img", "compare", "-f", "raw", "-F", "raw", image, self.uri("v")),
        ):
            code, output = await run(*command)
            self.assertEqual(code, 0, output)
        await client.seal("v")
        self.assertEqual((await client.info("v")).own_bytes, 8 * MIB)

    async def test_clone(self) -> None:
        """A clone of an image is written, the image stays, and outlives it no more than it must."""
        client = await self.started()
        await self.qemu_io("v", "write -P 5 0 8M")
        await client.seal("v")
        await client.clone("v", "w", 20 * MIB)
        await self.qemu_io(
            "w", "write -P 6 1M 4k", "read -P 5 0 1M", "read -P 6 1M 4k", "read -P 5 2M 6M"
        )
        code, output = await run(
            "qemu-io", "-r", "-f", "raw", "-c", "read -P 5 0 8M", self.uri("v")
        )
        self.assertEqual(code, 0, output)
        await client.delete("v")
        await self.qemu_io("w", "read -P 5 0 1M", "read -P 6 1M 4k", "read -P 5 2M 6M")

    async def test_block_status(self) -> None:
        """Holes are told from data, also within an object."""
        await self.started()
        await self.qemu_io("v", "write -P 1 5M 1k")
        code, output = await run("qemu-img", "map", "-f", "raw", "--output=json", self.uri("v"))
        self.assertEqual(code, 0, output)
        found = [(part["start"], part["length"], part["data"]) for part in json.loads(output)]
        self.assertEqual(
            found,
            [(0, 5 * MIB, False), (5 * MIB, 4096, True), (5 * MIB + 4096, 11 * MIB - 4096, False)],
        )

    async def test_read_only(self) -> None:
        """A sealed volume can't be opened for writing."""
        client = await self.started()
        await client.seal("v")
        code, output = await run("qemu-io", "-f", "raw", "-c", "write 0 1k", self.uri("v"))
        self.assertNotEqual(code, 0)
        self.assertIn("Permission denied", output)
        code, output = await run(
            "qemu-io", "-r", "-f", "raw", "-c", "read -P 0 0 1k", self.uri("v")
        )
        self.assertEqual(code, 0, output)

    async def test_absent(self) -> None:
        """A volume that is not there can't be opened."""
        await self.started()
        code, output = await run("qemu-io", "-f", "raw", "-c", "read 0 1k", self.uri("nothing"))
        self.assertNotEqual(code, 0)
        self.assertIn("not available", output)

    async def test_list_of_exports(self) -> None:
        """Volumes are listed as exports."""
        client = await self.started()
        await client.create("other", 1)
        code, output = await run("qemu-nbd", "--list", "-k", self.nbd_socket)
        self.assertEqual(code, 0, output)
        self.assertIn("exports available: 2", output)

    async def held(self, client: BlockClient) -> Program:
        """A qemu-io that has "v" open."""
        program = Program()
        command = ("qemu-io", "-f", "raw", self.uri("v"))
        path = shutil.which("qemu-io")
        reactor.spawnProcess(program, path, command, env=os.environ)
        self.addCleanup(self.kill, program)
        deadline_s = reactor.seconds() + 10
        while (await client.info("v")).connections != 1:
            self.assertLess(reactor.seconds(), deadline_s)
        return program

    async def test_busy(self) -> None:
        """While a client has the volume open, others may neither write nor change it."""
        service = await self.serve(datapath=self.datapath)
        service._volumes._custody.grace_s = 0.1  # type: ignore[union-attr]
        client = self.client()
        await client.create("v", MIB)
        await self.held(client)
        for call in (
            client.write("v", 0, b"x"),
            client.delete("v"),
            client.seal("v"),
            client.rename("v", "w"),
        ):
            try:
                await call
            except VolumeBusy:
                continue
            self.fail("not busy")
        code, output = await run("qemu-io", "-f", "raw", "-c", "write 0 1k", self.uri("v"))
        self.assertNotEqual(code, 0, output)

    async def test_free_after_the_client(self) -> None:
        """A volume can be deleted as soon as its client was killed."""
        client = await self.started()
        program = await self.held(client)
        await self.kill(program)
        await client.delete("v")
        self.assertEqual(await client.list(), [])

    async def test_protocols_agree(self) -> None:
        """What one protocol wrote the other reads."""
        client = await self.started()
        await client.write("v", 0, b"\x07" * 4096)
        await self.qemu_io("v", "read -P 7 0 4k", "write -P 8 0 2k")
        self.assertEqual(await client.read("v", 2047, 2), b"\x08\x07")

    async def test_killed_worker(self) -> None:
        """When a worker dies what it acknowledged is there for the next client."""
        if self.datapath != "process":
            return
        client = await self.started()
        program = await self.held(client)
        program.transport.write(b"write -P 3 0 5M\n")  # type: ignore[union-attr]
        await until(lambda: b"wrote" in program.output, "a write")
        worker = self.worker_pid()
        os.kill(worker, 9)
        await self.kill(program)
        await self.qemu_io("v", "read -P 3 0 5M", "read -P 0 5M 1M")

    def worker_pid(self) -> int:
        """The only worker: our child with the datapath's program."""
        mine = str(os.getpid())
        for found in os.listdir("/proc"):
            if not found.isdigit():
                continue
            try:
                with open(f"/proc/{found}/cmdline") as file:
                    command = file.read()
                with open(f"/proc/{found}/stat") as file:
                    parent = file.read().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if parent == mine and "datapath.worker" in command:
                return int(found)
        raise AssertionError("no worker")


class InlineNbdTests(NbdTests):
    """The same with threads of the daemon."""

    datapath = "inline"
