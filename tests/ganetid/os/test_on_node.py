"""
Operating systems as a master calls them on a node.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from attrs import evolve
from twisted.internet.defer import Deferred

from ganetid.opcodes.errors import OpExecError
from ganetid.os.definition import OsDefinition
from ganetid.os.on_node import NodeSystems, Surroundings
from tests.ganetid.os.system import NETWORK
from tests.ganetid.os.test_scripted import SystemCase


class NodeSystemTests(SystemCase):
    """A node's operating systems."""

    def setUp(self) -> None:
        super().setUp()
        self.around = Surroundings((NETWORK,), "node-u", {"dhcp": "no"})
        self.node = NodeSystems(self.systems, lambda instance: self.template, self.place / "export")
        self.node.watch(self.told.append)

    def test_install(self) -> Deferred[None]:
        """What the scripts said is the answer; progress is told under the instance's name."""

        async def check() -> None:
            info = '{"type": "image-info", "messages": ["half"], "timestamp": 1}'
            self.system(create=f"echo $INSTANCE_PRIMARY_NODE $NIC_0_NETWORK_NAME; echo '{info}'")
            await self.make_disk()
            self.assertEqual(
                await self.node.install_os(self.instance, self.around), ("node-u net",)
            )
            self.assertEqual((self.told[0]["instance"], self.told[0]["messages"]),
                             ("web.example", ["half"]))  # fmt: skip

        return Deferred.fromCoroutine(check())

    def test_values(self) -> Deferred[None]:
        """Diagnoses and surroundings survive the way to another node; secrets are not shown."""

        async def check() -> None:
            self.system()
            found = await self.node.diagnose_os()
            self.assertEqual([each.name for each in found], ["image", "snf-image", "debian"])
            for value, kind in ((found, tuple[OsDefinition, ...]), (self.around, Surroundings)):
                sent: Any = msgspec.json.decode(msgspec.json.encode(value))
                self.assertEqual(msgspec.convert(sent, kind), value)
            self.assertNotIn("parameters", repr(self.around))

        return Deferred.fromCoroutine(check())

    def test_images(self) -> Deferred[None]:
        """An image is whole or not there, and private; a disk can be made of it again."""

        async def check() -> None:
            self.system(
                export='head -c 7 "$EXPORT_DEVICE"', **{"import": 'cat >"$IMPORT_DISK_PATH"'}
            )
            disk = await self.make_disk()
            disk.write_bytes(b"content and more")
            image = Path(await self.node.export_disk(self.instance, self.around, 0))
            self.assertEqual(image, self.place / "export" / "web.example" / "disk0.image")
            self.assertEqual(
                (image.read_bytes(), image.stat().st_mode & 0o777), (b"content", 0o600)
            )
            disk.write_bytes(b"")
            await self.node.import_disk(self.instance, self.around, 0)
            self.assertEqual(disk.read_bytes(), b"content")
            self.system_fails()
            work = Deferred.fromCoroutine(self.node.export_disk(self.instance, self.around, 0))
            await self.assertFailure(work, OpExecError)
            self.assertEqual(list(image.parent.iterdir()), [image])
            for bad, index in ((self.instance, 1), (evolve(self.instance, name=".."), 0)):
                work = Deferred.fromCoroutine(self.node.export_disk(bad, self.around, index))
                await self.assertFailure(work, OpExecError)

        return Deferred.fromCoroutine(check())

    def system_fails(self) -> None:
        (self.place / "os" / "debian" / "export").write_text("#!/bin/sh\necho half\nexit 1\n")
