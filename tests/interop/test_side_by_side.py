"""
Programs that no one here wrote find the same on our export as on qemu-nbd's, field by field; the
deliberate differences are those that docs/nbd.md lists.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

from tests.archipelagod.running import MIB, run
from tests.interop.differences import Difference, documented
from tests.interop.peers import PYTHON, InteropCase

CONTENT = ("write -P 1 4M 4M", "write -P 2 12M 4M", "flush")
ABILITIES = ("connect", "cache", "df", "fast-zero", "flush", "fua", "multi-conn", "trim", "zero")
QUALITIES = ("read-only", "rotational", "tls", "structured-reply")


class LookingTests(InteropCase):
    """What is told of an export."""

    async def test_information(self) -> None:
        """nbdinfo: the same size, flags, contexts, block sizes, description."""
        await self.both()
        await self.io_on_both(*CONTENT)

        async def look(uri: str) -> object:
            found = json.loads(await self.good("nbdinfo", "--json", uri))
            del found["exports"][0]["uri"]
            return found

        found = await self.on_both(look)
        self.assertEqual(found["exports"][0]["description"], "volume")

    async def test_read_only_information(self) -> None:
        """nbdinfo: the same of a read-only export, but its description."""
        client = await self.ours()
        await client.seal("v")
        await self.theirs("-r", "-D", "read-only volume")

        async def look(uri: str) -> object:
            found = json.loads(await self.good("nbdinfo", "--json", uri))
            del found["exports"][0]["uri"]
            return found

        found = await self.on_both(look)
        self.assertTrue(found["exports"][0]["is_read_only"])

    async def test_list(self) -> None:
        """nbdinfo: the same list of exports."""
        await self.both()

        async def look(uri: str) -> object:
            found = json.loads(await self.good("nbdinfo", "--list", "--json", uri))
            for export in found["exports"]:
                del export["uri"]
            return found

        await self.on_both(look)

    async def test_questions(self) -> None:
        """nbdinfo: the same answers to each single question."""
        await self.both()

        async def look(uri: str) -> object:
            found = {}
            for kind, words in (("--can", ABILITIES), ("--is", QUALITIES)):
                for word in words:
                    found[kind, word] = (await run("nbdinfo", kind, word, uri))[0]
            return found

        found = await self.on_both(look)
        self.assertEqual({found["--can", word] for word in ABILITIES}, {0})

    async def test_map(self) -> None:
        """nbdinfo and qemu-img: the same extents of data and holes."""
        await self.both()
        await self.io_on_both(*CONTENT)

        async def by_nbdinfo(uri: str) -> object:
            return json.loads(await self.good("nbdinfo", "--map", "--json", uri))

        async def by_qemu(uri: str) -> object:
            command = ("qemu-img", "map", "-f", "raw", "--output=json", uri)
            return json.loads(await self.good(*command))

        self.assertEqual(len(await self.on_both(by_nbdinfo)), 4)
        self.assertEqual(len(await self.on_both(by_qemu)), 4)

    async def test_measure_check_info(self) -> None:
        """qemu-img: the same measure, the same refusal to check, the same information."""
        await self.both()
        await self.io_on_both(*CONTENT)
        for command in (
            ("measure", "-f", "raw", "-O", "qcow2"),
            ("measure", "-f", "raw", "-O", "raw"),
            ("check", "-f", "raw"),
            ("info",),
        ):

            async def look(uri: str, command: tuple[str, ...] = command) -> object:
                code, output = await run("qemu-img", *command, uri)
                return code, self.plain(output)

            await self.on_both(look)

    async def test_absent(self) -> None:
        """An export that is not there is refused alike."""
        await self.both()

        async def look(uri: str) -> object:
            code, output = await run("nbdinfo", uri.replace("/v?", "/absent?"))
            return code, sorted(self.plain(output).splitlines())  # of two streams

        await self.on_both(look)


class WorkingTests(InteropCase):
    """What can be done with an export."""

    async def test_writes_of_all_kinds(self) -> None:
        """qemu-io: plain, FUA, zeroes that keep their room and that don't, discards, odd places."""
        await self.both()
        output = await self.io_on_both(
            "write -P 1 0 16M",
            "write -f -P 2 1M 4k",
            "write -z 2M 64k",
            "write -z -f 3M 4k",
            "write -z -u 4M 4M",
            "write -z 4194303 2",
            "write -z -u 9M 512",
            "discard 8M 4M",
            "write -P 7 4194303 3",
            "writev -P 8 12M 512 1k 3k",
            "flush",
            "read -P 2 1M 4k",
            "read -P 0 2M 64k",
            "read -P 0 4194306 4194000",
            "read -P 7 4194303 3",
            "read -P 1 2112k 100k",
            "read -P 9 0 4k",
            "readv -P 8 12M 512 4096",
            "length",
        )
        self.assertEqual(output.count("Pattern verification failed"), 1)
        await self.assert_same_content()

    async def test_mistakes(self) -> None:
        """qemu-io: what it refuses itself, and what it does not."""
        await self.both()
        await self.io_on_both("read 16M 1", "write 16777215 2", "discard 16M 1", "read -P 0 16M 0")

    async def test_at_once(self) -> None:
        """qemu-io: many requests on the way together."""
        await self.both()
        writes = [f"aio_write -P {number + 1} {number * 500}k 300k" for number in range(30)]
        reads = [f"read -P {number + 1} {number * 500}k 300k" for number in range(30)]
        await self.on_both(lambda uri: self.all_verified(uri, *writes, "aio_flush", *reads))
        await self.assert_same_content()

    async def all_verified(self, uri: str, *commands: str) -> int:
        """How many patterns were not as expected: commands that run together have no order."""
        arguments = [part for command in commands for part in ("-c", command)]
        return (await self.good("qemu-io", "-f", "raw", *arguments, uri)).count("failed")

    async def test_anything(self) -> None:
        """qemu-io: random work leaves the same content."""
        await self.both()
        for seed in range(4):
            await self.io_on_both(*self.random_work(random.Random(seed)), "flush")
            await self.assert_same_content()

    def random_work(self, chance: random.Random) -> list[str]:
        """Commands."""
        found = []
        for _ in range(100):
            start = chance.randrange(self.size)
            unit = chance.choice((1, 512, 4096, MIB))
            offset = start // unit * unit
            size = min(chance.randrange(1, 40) * unit, self.size - offset, 6 * MIB)
            kind = chance.choice(("write -P", "write -P", "write -f -P", "z", "zu", "read"))
            if kind == "z":
                found.append(f"write -z {offset} {size}")
            elif kind == "zu":
                found.append(f"write -z -u {offset} {size}")
            elif kind == "read":
                found.append(f"read -v {offset} {min(size, 64)}")
            else:
                found.append(f"{kind} {chance.randrange(256)} {offset} {size}")
        return found

    async def test_copies(self) -> None:
        """nbdcopy: from a file to each, from one to the other and back, to a file."""
        await self.both()
        image, back = f"{self.directory}/image", f"{self.directory}/back"
        self.make_image(image)
        ours, theirs = self.uris
        await self.good("nbdcopy", "--connections=4", image, ours)
        await self.good("nbdcopy", ours, theirs)
        await self.assert_same_content()
        await self.good("nbdcopy", "--requests=128", theirs, ours)
        await self.good("nbdcopy", "--flush", ours, back)
        self.assertTrue(Path(back).read_bytes() == Path(image).read_bytes())

    def make_image(self, path: str) -> None:
        """Data, a hole in the middle, and data that is not aligned."""
        with open(path, "wb") as file:
            file.write(os.urandom(3 * MIB))
            file.seek(9 * MIB + 1000)
            file.write(os.urandom(2 * MIB + 77))
            file.truncate(self.size)

    async def test_conversions(self) -> None:
        """qemu-img: convert into each and out of it, qcow2 too."""
        await self.both()
        image, back = f"{self.directory}/image", f"{self.directory}/back.qcow2"
        self.make_image(image)
        for uri in self.uris:
            convert = ("qemu-img", "convert", "-f", "raw", "-O")
            await self.good(*convert, "raw", "-n", image, uri)
            await self.good(*convert, "qcow2", uri, back)
            await self.good("qemu-img", "compare", "-f", "raw", "-F", "qcow2", image, back)
            await self.good("qemu-img", "check", back)
        await self.assert_same_content()

        async def look(uri: str) -> object:
            command = ("qemu-img", "measure", "-f", "raw", "-O", "raw", uri)
            return await self.good(*command)

        await self.on_both(look)

    async def test_image_inside(self) -> None:
        """qemu-img: a qcow2 image kept in the export is made, written, and found whole."""
        await self.both()
        for uri in self.uris:
            await self.good("qemu-img", "create", "-f", "qcow2", uri, "8M")
            await self.good("qemu-io", "-f", "qcow2", "-c", "write -P 3 1M 3M", "-c", "flush", uri)
            self.assertIn("No errors", await self.good("qemu-img", "check", uri))

    async def test_bench(self) -> None:
        """qemu-img: its load generator, reading, writing and flushing, ends well."""
        await self.both()
        for uri in self.uris:
            bench = ("qemu-img", "bench", "-f", "raw", "-t", "none", "-c", "2000", "-d", "16")
            await self.good(*bench, "-s", "4096", uri)
            await self.good(*bench, "-w", "--flush-interval=16", "-s", "4096", uri)
            await self.good(*bench, "-w", "-s", "65536", "-S", "131072", uri)

    async def test_fio_verifies(self) -> None:
        """fio: what it wrote at random it reads back, with flushes and trims between."""
        await self.ours()
        common = (
            "--name=v",
            "--ioengine=nbd",
            f"--uri={self.uri('v')}",
            "--bssplit=512/10:4k/60:64k/20:300k/10",
            "--bs_unaligned",
            "--size=16M",
            "--verify_fatal=1",
            "--iodepth=16",
        )
        verify = ("--rw=randwrite", "--verify=crc32c", "--do_verify=1", "--fsync=20")
        await self.good("fio", *common, *verify, "--verify_backlog=40", "--loops=2")
        await self.good("fio", *common, "--rw=trimwrite", "--verify=crc32c")


class DifferenceTests(InteropCase):
    """What is not alike, and why."""

    async def test_all_are_documented(self) -> None:
        """What clients must not send is answered alike, but for the rows of docs/nbd.md."""
        await self.both()
        script = str(Path(__file__).with_name("illegal.py"))
        ours, theirs = [json.loads(await self.good(PYTHON, script, uri)) for uri in self.uris]
        self.assertEqual(list(ours), list(theirs))
        found = {
            what: Difference(theirs[what], ours[what])
            for what in ours
            if ours[what] != theirs[what]
        }
        self.assertEqual(found, documented())
