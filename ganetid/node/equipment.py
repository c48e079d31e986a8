"""
What one machine's node has at hand, and how it finds an instance's part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.cluster.first_start import FIRST_GROUP
from ganetid.cluster.model import Instance
from ganetid.console.offer import ConsoleOffers
from ganetid.disks.interface import IDiskTemplate
from ganetid.guest.metadata_drive import metadata_of_drive
from ganetid.hooks.run import LocalHooks
from ganetid.hypervisor.interface import Ended, Guest, IHypervisor
from ganetid.hypervisor.journeys import MigrationDoor
from ganetid.network.from_cluster import ports_of
from ganetid.network.interface import INodeNetwork
from ganetid.node.cluster_address import ClusterAddress
from ganetid.node.devices import Devices
from ganetid.node.exports import Exports
from ganetid.node.facts import NodeFacts
from ganetid.node.interface import EndListener
from ganetid.node.moving import Moving
from ganetid.node.stored import Spares
from ganetid.opcodes.errors import OpExecError
from ganetid.os.on_node import NodeSystems


class Equipment:
    """
    A node's hypervisors, disk templates, network and files.

    surroundings: the node's group, and the addresses of all other nodes.
    door: how guests of other nodes come in; None: from this machine only.
    local_hooks: the administrator's programs before and after opcodes; None: there are none.
    console_offers: makes tokens for consoles; None: there is no console proxy here.
    domain_secret_file: where the cluster domain secret is; None: in a file of our own.
    cluster_address: brings the cluster's own address up here; None: it can't.
    directory: each instance's files (config drive, serial log) are in ``<directory>/<name>/``.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        directory: Path,
        hypervisors: Mapping[str, IHypervisor],
        templates: Mapping[str, IDiskTemplate],
        network: INodeNetwork,
    ) -> None:
        """The first hypervisor is the default one."""
        self.name = name
        self._directory = directory
        self._exports = Exports(directory.parent / "export")
        self.systems: NodeSystems | None = None
        self.local_hooks: LocalHooks | None = None
        self.hypervisors = hypervisors
        self.templates = templates
        self.network = network
        self._spares = Spares(directory.parent / "spares")
        self.door: MigrationDoor | None = None
        self.console_offers: ConsoleOffers | None = None
        self.cluster_address: ClusterAddress | None = None
        self.surroundings: Callable[[], tuple[str, tuple[str, ...]]] = lambda: (FIRST_GROUP, ())
        self.domain_secret_file: Path | None = None
        self.known_facts: NodeFacts | None = None
        self._ended: dict[str, Ended] = {}
        self._listeners: list[EndListener] = []

    async def _plug(self, instance: Instance) -> tuple[Any, ...]:
        ports = ports_of(instance)
        drive = self._config_drive(instance.name)
        told = await deferToThread(metadata_of_drive, drive, ports)
        nics: tuple[Any, ...] = await self.network.plug(instance.name, ports, told)
        return nics

    def _moving(self, instance: Instance) -> Moving:
        return Moving(
            self._hypervisor(instance),
            self.template_of(instance),
            self.network,
            self.door,
            self._config_drive(instance.name),
            self._plug,
            self.guest_of,
        )

    def _devices(self, instance: Instance) -> Devices:
        return Devices(self._hypervisor(instance), self.template_of(instance), self.network)

    def guest_of(self, instance: Instance, nics: tuple[Any, ...]) -> Guest:
        """The instance as its hypervisor takes it."""
        template = self.template_of(instance)
        drive = str(self._config_drive(instance.name)) if instance.config_drive else None
        return Guest(
            name=instance.name,
            uuid=instance.uuid,
            memory_mib=instance.beparams["maxmem"],
            vcpus=instance.beparams["vcpus"],
            drives=tuple(
                evolve(template.drive(instance.name, disk), uuid=disk.uuid)
                for disk in instance.disks
            ),
            nics=tuple(
                evolve(device, uuid=nic.uuid)
                for device, nic in zip(nics, instance.nics, strict=True)
            ),
            config_drive=drive,
            hvparams=instance.hvparams,
            namespace=self.network.namespace,
            vnc_port=instance.network_port,
        )

    def _hypervisor(self, instance: Instance) -> IHypervisor:
        hypervisor = self.hypervisors.get(instance.hypervisor)
        if hypervisor is None:
            raise OpExecError(f"This node has no hypervisor '{instance.hypervisor}'")
        return hypervisor

    def template_of(self, instance: Instance) -> IDiskTemplate:
        """The instance's disk template.  Raises OpExecError."""
        template = self.templates.get(instance.disk_template)
        if template is None:
            raise OpExecError(f"This node has no disk template '{instance.disk_template}'")
        return template

    def _config_drive(self, name: str) -> Path:
        return self._directory / name / "config.iso"
