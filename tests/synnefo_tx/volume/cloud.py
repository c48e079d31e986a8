"""
A cloud that plays, with storage that keeps what volumes begin with instead of their bytes.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.wire.errors import (
    NoSuchVolume,
    NotReadOnly,
    TooSmall,
    VolumeBusy,
    VolumeExists,
)
from synnefo_tx.volume.blocks import BlockPerformer
from synnefo_tx.volume.rules.works import snapshot_block, volume_block
from tests.synnefo_tx.compute.cloud import ALICE, GIB, IMAGE, Answer
from tests.synnefo_tx.cyclades import Cyclades


@define
class Block:
    """
    content: whatever a test wrote, or what it was cloned of.
    """

    size: int
    content: str = ""
    sealed: bool = False


@define
class ThinBlocks:
    """
    As IBlocks.  failing: method -> the error that it raises.  calls: all that succeeded.
    """

    held: dict[str, Block] = field(factory=dict)
    failing: dict[str, Exception] = field(factory=dict)
    busy: set[str] = field(factory=set)

    def _find(self, method: str, name: str) -> Block:
        if method in self.failing:
            raise self.failing[method]
        if name not in self.held:
            raise NoSuchVolume(f"no volume {name}")
        return self.held[name]

    def _add(self, method: str, name: str, block: Block) -> None:
        if method in self.failing:
            raise self.failing[method]
        if name in self.held:
            raise VolumeExists(f"volume {name} exists")
        self.held[name] = block

    async def create(self, volume: str, size: int) -> None:
        self._add("create", volume, Block(size))

    async def clone(self, origin: str, volume: str, size: int) -> None:
        source = self._find("clone", origin)
        if not source.sealed:
            raise NotReadOnly(f"volume {origin} is not sealed")
        if size < source.size:
            raise TooSmall(f"volume {volume} would be smaller than {origin}")
        self._add("clone", volume, Block(size, source.content))

    async def snapshot(self, volume: str, name: str) -> None:
        source = self._find("snapshot", volume)
        self._add("snapshot", name, Block(source.size, source.content, True))

    async def rollback(self, volume: str, snapshot: str) -> None:
        kept, block = self._find("rollback", snapshot), self._find("rollback", volume)
        block.size, block.content = kept.size, kept.content

    async def resize(self, volume: str, size: int) -> None:
        self._find("resize", volume).size = size

    async def delete(self, volume: str) -> None:
        self._find("delete", volume)
        if volume in self.busy:
            raise VolumeBusy(f"volume {volume} is open")
        del self.held[volume]


class VolumesCase(SynchronousTestCase):
    """
    cloud: speaks to the API.  blocks: the storage.
    """

    def setUp(self) -> None:
        self.playing = Cyclades(self)
        self.cloud = self.playing.cloud
        self.blocks = ThinBlocks({f"img-{IMAGE}": Block(GIB, "guest", True)})
        clock = self.playing.clock
        storage: Any = self.blocks
        self.performer = BlockPerformer(clock, self.cloud.database, storage, clock.seconds)
        self.performer.startService()
        self.addCleanup(lambda: self.successResultOf(self.performer.stopService()))

    def settle(self) -> None:
        """
        Clusters and storage do all that was asked of them.
        """
        self.playing.settle()
        self.performer.kick()
        self.playing.clock.pump([0.1] * 3)
        self.cloud.now = self.playing.clock.seconds()

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """
        A call of Cinder's.  version: its microversion.
        """
        version = more.pop("version", None)
        headers = {"OpenStack-API-Version": f"volume {version}"} if version else {}
        return self.cloud.cinder(method, path, body, headers=headers, **more)

    def good(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """
        The answer's JSON, {} without any, to a call that is done.
        """
        answer = self.ask(method, path, body, **more)
        self.assertIn(answer.status, (200, 202, 204), answer.body)
        return answer.json if answer.body else {}

    def refused(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        """
        Status and message of a call that is not.
        """
        answer = self.ask(method, path, body, **more)
        self.assertGreaterEqual(answer.status, 400, answer.body)
        [fault] = answer.json.values()
        return answer.status, fault["message"]

    def create(self, user: str = ALICE, **fields: Any) -> str:
        """
        A volume that is there; of 1 GiB unless `fields` say otherwise.
        """
        body = {"volume": {"size": 1, **fields}}
        volume_id: str = self.good("POST", "/volumes", body, user=user)["volume"]["id"]
        self.settle()
        return volume_id

    def show(self, volume_id: str, **more: Any) -> Any:
        """
        The volume as shown.
        """
        return self.good("GET", f"/volumes/{volume_id}", **more)["volume"]

    def status(self, volume_id: str) -> str:
        """
        The volume's.
        """
        status: str = self.show(volume_id)["status"]
        return status

    def block(self, volume_id: str) -> Block:
        """
        What storage has of a volume.
        """
        return self.blocks.held[volume_block(volume_id)]

    def snapshot(self, volume_id: str, **fields: Any) -> str:
        """
        A snapshot that is there.
        """
        body = {"snapshot": {"volume_id": volume_id, **fields}}
        snapshot_id: str = self.good("POST", "/snapshots", body)["snapshot"]["id"]
        self.settle()
        return snapshot_id

    def snapshot_block(self, snapshot_id: str) -> Block:
        """
        What storage has of a snapshot.
        """
        return self.blocks.held[snapshot_block(snapshot_id)]

    def act(self, volume_id: str, name: str, value: Any = None, **more: Any) -> Answer:
        """
        An action that is asked of a volume.
        """
        return self.ask("POST", f"/volumes/{volume_id}/action", {name: value or {}}, **more)
