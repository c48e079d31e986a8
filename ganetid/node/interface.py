"""
What the master asks of a node, the same whether the node is this daemon or reached by node RPC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen
from zope.interface import Attribute, Interface

from ganetid.cluster.address import ClusterPlace
from ganetid.cluster.model import Debris, Disk, Instance, Network, Nic
from ganetid.disks.interface import Space
from ganetid.guest.config_drive import LABEL
from ganetid.hooks.run import HookResult
from ganetid.hypervisor.interface import ConsolePlace, Ended
from ganetid.hypervisor.journeys import Migrated, MigrationSettings
from ganetid.hypervisor.values import Shape, Statistics
from ganetid.network.ports import GroupPlan, RouterPlan
from ganetid.node.facts import NodeFacts
from ganetid.node.transfers import Channel, TransferKey
from ganetid.os.definition import OsDefinition
from ganetid.os.on_node import Surroundings


@frozen
class Abilities:
    """What a node can do: names of its hypervisors (the default one first) and disk templates."""

    hypervisors: tuple[str, ...]
    templates: frozenset[str]
    network_mode: str

    @property
    def default_hypervisor(self) -> str:
        """The hypervisor of instances that don't name one."""
        return self.hypervisors[0]


EndListener = Callable[[Ended], None]


class INode(Interface):
    """
    One node's guests, disks, NICs and consoles.

    Instances come with all their parameters filled in (`Configuration.actual`), for a node knows
    no cluster parameters.  Failures are OpcodeErrors; of a node that can't be reached OpExecError.
    """

    name = Attribute("the node's name")
    abilities = Attribute("Abilities, as last told")
    running = Attribute("frozenset: names of guests that run, as far as is known without asking")
    is_reachable = Attribute("whether it answered last time")
    known_facts = Attribute("NodeFacts as last told, None before")

    async def facts() -> NodeFacts:
        """The machine's resources now."""

    async def recover(names: tuple[str, ...], known: frozenset[str]) -> tuple[Ended, ...]:
        """
        Find guests again; end those of no ``known`` instance and remove their files.

        names: instances that should be running.  Returns those of them that are not, and why.
        """

    async def create_disk(instance: Instance, disk: Disk) -> None:
        """Make a disk."""

    async def has_disk(instance: Instance, disk: Disk) -> bool:
        """Whether the disk is there."""

    async def remove_disk(instance: Instance, disk: Disk) -> None:
        """Remove a disk; one that is not there is removed already."""

    async def remove_debris(debris: Debris) -> None:
        """Remove what a failed job left."""

    async def diagnose_os() -> tuple[OsDefinition, ...]:
        """Every operating system that is known there, whole or not."""

    async def verify_os(
        os_type: str, parameters: Mapping[str, str], force_variant: bool = False
    ) -> None:
        """Raise OpPrereqError unless an instance can have this system with these parameters."""

    async def install_os(
        instance: Instance, around: Surroundings, reinstall: bool = False
    ) -> tuple[str, ...]:
        """Put the instance's system on its disks; the last lines that its scripts said."""

    async def rename_os(instance: Instance, around: Surroundings, old_name: str) -> tuple[str, ...]:
        """The instance has a new name; the last lines that its scripts said."""

    async def write_config_drive(
        instance: Instance, files: Mapping[str, bytes], label: str = LABEL
    ) -> None:
        """Write the instance's config drive, under the label of its kind."""

    async def read_config_drive(instance: Instance) -> bytes | None:
        """The instance's config drive as an image, if it is on this node."""

    async def write_config_image(instance: Instance, content: bytes) -> None:
        """Keep a config drive that was read on another node."""

    async def keep_spare(instance: Instance, content: bytes) -> None:
        """Keep a copy of the config drive of an instance on another node."""

    async def read_spare(instance: Instance) -> bytes | None:
        """That copy, if it is here."""

    async def hold_cluster_address(place: ClusterPlace) -> None:
        """Bring the cluster's address up here, and tell the neighbours.  Idempotent."""

    async def release_cluster_address() -> None:
        """Take the cluster's address away if it was brought up here.  Idempotent."""

    async def has_address(address: str) -> bool:
        """Whether the machine has this IP address."""

    async def write_ssconf(values: Mapping[str, str], is_all: bool) -> None:
        """Write files that programs of others read; is_all: there are no others any more."""

    async def prune_spares(known: frozenset[str]) -> frozenset[str]:
        """Remove copies for all other instances; names of those that are there."""

    async def read_chunk(instance: Instance, disk: Disk, offset: int, size: int) -> bytes:
        """Part of a disk that no guest uses, bytes; empty at its end."""

    async def write_chunk(
        instance: Instance, disk: Disk, offset: int, content: bytes, is_last: bool
    ) -> None:
        """Write part of a disk; all of it is on stable storage after the last."""

    async def guest_state(instance: Instance) -> str | None:
        """The hypervisor's State of it, None when nothing of it is here."""

    async def shape(instance: Instance) -> Shape:
        """Source: make the disks ready for a hand-over; the guest's virtual hardware."""

    async def expect_guest(instance: Instance, shape: Shape) -> str:
        """Destination: make ready for the guest; the uri where it is to be sent."""

    async def migrate(instance: Instance, uri: str, settings: MigrationSettings) -> Migrated:
        """Source: send it; when this returns it runs nowhere."""

    async def settle(instance: Instance, run: bool) -> None:
        """Destination: let the guest go on.  Source: end what is left of it.  Idempotent."""

    async def abort(instance: Instance) -> None:
        """Destination: end what arrived.  Source: let it go on here.  Idempotent."""

    async def own_disks(instance: Instance) -> None:
        """Destination, after all: its disks are in use here alone."""

    async def forget_guest(instance: Instance) -> None:
        """The guest and all but its disks' content belong to another node.  Idempotent."""

    async def start(instance: Instance) -> None:
        """Start the guest with all its NICs; on failure its NICs are gone again."""

    async def stop(instance: Instance, timeout_s: float) -> bool:
        """Ask the guest to go, end it after the timeout; whether it went by itself."""

    async def reset(instance: Instance) -> None:
        """Reset the guest."""

    async def reboot_softly(instance: Instance, timeout_s: float) -> bool:
        """Ask the guest to reboot, reset it after the timeout; whether it obeyed."""

    async def pause(instance: Instance) -> None:
        """Stop the guest's processors.  Idempotent."""

    async def unpause(instance: Instance) -> None:
        """Let the paused guest go on.  Idempotent."""

    async def suspend(instance: Instance) -> None:
        """Put the guest to sleep: its memory is in a file here, and its NICs go.  Idempotent."""

    async def sleeps(instance: Instance) -> bool:
        """Whether the memory of the guest is in a file here."""

    async def wake(instance: Instance) -> None:
        """Let the guest that sleeps go on; on failure it sleeps on.  Idempotent."""

    async def forget_memory(instance: Instance) -> None:
        """A guest that sleeps will begin anew.  Idempotent."""

    async def interrupt(instance: Instance) -> None:
        """Have the guest get an interrupt that can't be masked (NMI)."""

    async def statistics(instance: Instance) -> Statistics:
        """What the guest uses."""

    async def set_password(instance: Instance, user: str, password: str) -> None:
        """Have the guest's agent change a password."""

    async def freeze(instance: Instance) -> None:
        """Have the guest's agent bring all to the disks and hold back further writes."""

    async def thaw(instance: Instance) -> None:
        """Writes go on.  Idempotent."""

    async def is_running(instance: Instance) -> bool:
        """Asked just now."""

    async def clear(instance: Instance) -> None:
        """End the guest, remove its NICs, config drive and logs; its disks stay.  Idempotent."""

    async def tidy_after(instance: Instance) -> None:
        """A guest ended by itself: remove its NICs."""

    async def carry(networks: tuple[Network, ...]) -> None:
        """Carry just these networks."""

    async def connect(network: Network) -> None:
        """Carry a network."""

    async def disconnect(network: Network) -> None:
        """Carry it no more."""

    async def share_groups(groups: tuple[GroupPlan, ...]) -> None:
        """From now on these are the security groups, and no others."""

    async def change_groups(groups: tuple[GroupPlan, ...], gone: tuple[str, ...]) -> None:
        """These security groups are so now, and those of the names in `gone` are no more."""

    async def carry_routers(routers: tuple[RouterPlan, ...]) -> None:
        """Have just these routers.  One that fails is logged, and the others are there."""

    async def put_router(router: RouterPlan) -> None:
        """Have the router, so from now on.  On failure it is as it was."""

    async def drop_router(name: str) -> None:
        """Have it no more.  Idempotent."""

    async def console(instance: Instance) -> ConsolePlace:
        """Where the guest's consoles are, on the node."""

    async def console_log(instance: Instance, lines: int | None) -> str:
        """The last lines of what the guest wrote on its serial port."""

    async def plug_disk(instance: Instance, disk: Disk, index: int) -> None:
        """Give the running guest a disk."""

    async def unplug_disk(instance: Instance, disk: Disk) -> None:
        """Take a disk from the guest, if it runs and has it; the disk is then inactive."""

    async def plug_nic(instance: Instance, nic: Nic, index: int) -> None:
        """Give the running guest a NIC."""

    async def unplug_nic(instance: Instance, nic: Nic) -> None:
        """Take a NIC from the guest, if it runs and has it."""

    async def update_nics(instance: Instance) -> None:
        """Addresses and rules of the guest's NICs are now those of the instance."""

    async def set_memory(instance: Instance, memory_mib: int) -> None:
        """Ask the running guest to make do with so much memory."""

    async def grow_disk(instance: Instance, disk: Disk, new_size_mib: int) -> None:
        """Make a disk larger; a running guest sees it.  disk: with its former size."""

    async def snapshot_disk(instance: Instance, disk: Disk, name: str) -> None:
        """Keep a disk's present content under `name`."""

    async def activate_disk(instance: Instance, disk: Disk) -> str:
        """Make a disk usable on the node; its path or URI."""

    async def deactivate_disk(instance: Instance, disk: Disk) -> None:
        """The node needs the disk no more."""

    async def rename_disk(instance: Instance, disk: Disk, new_instance: str, new_name: str) -> None:
        """It is now the disk `new_name` of `new_instance`.  Again is harmless."""

    async def device_sizes(paths: tuple[str, ...]) -> dict[str, int]:
        """Sizes in bytes of those that are block devices there."""

    async def copy_disk(source: Instance, disk: Disk, target: Instance, other: Disk) -> None:
        """Write the content of a disk of `source` to `other` of `target`; no guest uses them."""

    async def spaces() -> dict[str, Space]:
        """Room of those disk templates that know it, by their names."""

    async def begin_export(instance: Instance) -> None:
        """Make room for an export of the instance."""

    async def export_disk(instance: Instance, disk: Disk, index: int) -> None:
        """Copy a disk, which no guest uses, into the export."""

    async def end_export(instance: Instance, config: str) -> None:
        """The export is whole; `config` is its config.ini."""

    async def list_exports() -> tuple[str, ...]:
        """Names of instances of which there is an export."""

    async def read_export(name: str) -> str | None:
        """The config.ini of an instance's export, None when there is none."""

    async def import_disk(instance: Instance, disk: Disk, source: str, image: str) -> None:
        """Write an image of the export of `source` to a disk that no guest uses."""

    async def remove_export(name: str) -> bool:
        """Remove an instance's export; whether there was one."""

    async def domain_secret() -> str:
        """What this node's cluster shares with clusters that may send it instances."""

    async def new_transfer_key() -> TransferKey:
        """A key with a certificate, for a transfer to or from another cluster."""

    async def await_disk(instance: Instance, disk: Disk, host: str, channel: Channel) -> int:
        """The port at `host` where a disk's content, which is all zeros now, is awaited."""

    async def receive_disk(disk: Disk, timeout_s: float) -> None:
        """When the content that is awaited is written; timeout_s: for its sender to come."""

    async def send_disk(
        instance: Instance, disk: Disk, host: str, port: int, channel: Channel
    ) -> None:
        """Send the content of a disk, which no guest uses, to another cluster."""

    async def end_transfer(key: str) -> None:
        """Forget a transfer's key, and await nothing more under it.  Again is harmless."""

    async def run_hooks(
        path: str, phase: str, environment: Mapping[str, str]
    ) -> tuple[HookResult, ...]:
        """Run the node's own hooks, each to its end; see ganetid.hooks.run."""

    async def rename_files(instance: Instance, new_name: str) -> None:
        """What is kept of the instance is now of `new_name`.  Again is harmless."""

    def watch(listener: EndListener) -> None:
        """Tell `listener` of every guest that ends without being asked to."""

    async def close() -> None:
        """Let go of it; its guests run on."""
