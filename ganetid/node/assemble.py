"""
From settings to a node: its hypervisor, its disk templates, its network.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen

from archipelagod.wire.client import BlockClient
from ganetid.console.offer import ConsoleOffers
from ganetid.disks.archipelago import Archipelago
from ganetid.disks.blocks import IBlocks
from ganetid.disks.devices import BlockDevices
from ganetid.disks.diskless import Diskless
from ganetid.disks.ext import ExtTemplate
from ganetid.disks.files import FileTemplate
from ganetid.disks.interface import IDiskTemplate
from ganetid.disks.provider import Bench, find_external
from ganetid.disks.storage_paths import StoragePaths
from ganetid.hooks.run import local_hooks
from ganetid.hypervisor.accelerator import Accelerator
from ganetid.hypervisor.command_line import Machine
from ganetid.hypervisor.fake import FakeHypervisor
from ganetid.hypervisor.interface import IHypervisor
from ganetid.hypervisor.kvm import KvmHypervisor
from ganetid.network.choice import choose, resolvers
from ganetid.network.interface import INodeNetwork
from ganetid.network.tap import TapSettings
from ganetid.network.user import UserNetwork
from ganetid.node.cluster_address import ClusterAddress
from ganetid.node.machine import Node
from ganetid.os.definition import SEARCH_PATH
from ganetid.os.on_node import NodeSystems
from ganetid.os.systems import build_systems
from ganetid.scripts.logged import Logbook
from ganetid.settings import GanetiSettings


@frozen
class Directories:
    """Where a ganetid keeps what; all made with mode 0700."""

    state: Path

    @property
    def instances(self) -> Path:
        """Each instance's config drive and serial log."""
        return self.state / "instances"

    @property
    def run(self) -> Path:
        """Sockets and pid files of guests."""
        return self.state / "run"

    @property
    def disks(self) -> Path:
        """Disks of template file."""
        return self.state / "disks"

    @property
    def network(self) -> Path:
        """What the node's network keeps."""
        return self.state / "network"

    @property
    def console_secret(self) -> Path:
        """What the console proxy of this machine knows tokens by."""
        return self.state / "console.secret"

    def make(self) -> None:
        """Make what is absent.  Blocks.  Raises OSError."""
        for directory in (self.state, self.instances, self.run, self.disks, self.network):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def build_node(
    reactor: Any,
    settings: GanetiSettings,
    hypervisor: IHypervisor,
    blocks: IBlocks | None,
) -> Node:
    """The node.  Raises OSError when its network can't be as set."""
    directories = Directories(Path(settings.state_dir))
    network = build_network(reactor, settings)
    templates = build_templates(reactor, settings, directories, blocks)
    name = settings.name_of_node()
    hypervisors = {hypervisor.name: hypervisor}
    node = Node(name, directories.instances, hypervisors, templates, network)
    paths = SEARCH_PATH if settings.os_search_path is None else settings.os_search_path
    systems = build_systems(
        reactor, directories.state, settings.nbd_socket, node.write_config_drive, map(Path, paths)
    )
    node.systems = NodeSystems(systems, node.template_of, directories.state / "export")
    if settings.domain_secret_file is not None:
        node.domain_secret_file = Path(settings.domain_secret_file)
    node.local_hooks = local_hooks(reactor, Path(settings.hooks_dir))
    node.cluster_address = ClusterAddress(reactor, directories.state / "cluster_address.json")
    node.console_offers = ConsoleOffers(directories.console_secret, name, reactor.seconds)
    return node


def build_hypervisor(
    reactor: Any, settings: GanetiSettings, accelerator: Accelerator
) -> IHypervisor:
    """The node's hypervisor."""
    if settings.hypervisor == "fake":
        return FakeHypervisor(reactor)
    directories = Directories(Path(settings.state_dir))
    return KvmHypervisor(
        reactor,
        directories.run,
        _console_log(directories),
        lambda: Machine(
            settings.qemu,
            accelerator.current,
            user=settings.qemu_user,
            home=settings.state_dir,
        ),
    )


def build_network(reactor: Any, settings: GanetiSettings) -> INodeNetwork:
    """The node's network.  Raises OSError."""
    if settings.hypervisor == "fake" and settings.network_mode != "tap":
        return UserNetwork(pretends=True)
    taps = TapSettings(
        namespace=settings.network_namespace,
        dns=resolvers() if settings.dns is None else settings.dns,
        lease_s=settings.dhcp_lease_s,
        mtu=settings.mtu,
        outside=settings.network_outside,
        scripts=Path(settings.nic_scripts_dir),
    )
    kept = Directories(Path(settings.state_dir)).network
    return choose(reactor, settings.cluster_name, settings.network_mode, taps, kept)


def build_templates(
    reactor: Any, settings: GanetiSettings, directories: Directories, blocks: IBlocks | None
) -> dict[str, IDiskTemplate]:
    """The node's disk templates by name."""
    templates: dict[str, IDiskTemplate] = {}
    built_in: dict[str, IDiskTemplate] = {}
    if blocks is not None:
        built_in["archipelago"] = Archipelago(reactor, blocks, settings.nbd_socket or "")
    logs = Logbook(reactor, directories.state / "log" / "extstorage")
    places = settings.extstorage_search_path
    bench = Bench(logs) if places is None else Bench(logs, tuple(map(Path, places)))
    templates["ext"] = ExtTemplate(built_in, find_external(bench))
    paths = None
    if settings.file_storage_paths is not None:
        paths = StoragePaths(Path(settings.file_storage_paths))
    templates["file"] = FileTemplate(directories.disks, "file", paths)
    if settings.shared_file_dir is not None:
        templates["sharedfile"] = FileTemplate(Path(settings.shared_file_dir), "sharedfile", paths)
    templates["diskless"] = Diskless()
    templates["blockdev"] = BlockDevices()
    return templates


def build_blocks(reactor: Any, settings: GanetiSettings) -> BlockClient | None:
    """
    The client of archipelagod, None when the settings name none.

    Raises OSError when the shared secret can't be read.
    """
    if settings.block_endpoint is None or settings.block_secret_file is None:
        return None
    secret = Path(settings.block_secret_file).read_bytes().strip()
    return BlockClient(reactor, settings.block_endpoint, secret)


def _console_log(directories: Directories) -> Callable[[str], Path]:
    return lambda name: directories.instances / name / "console.log"
