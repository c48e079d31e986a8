"""
What comes beside disks: operating systems, config drives, hooks.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

from twisted.internet.threads import deferToThread

from ganetid.cluster.address import ClusterPlace
from ganetid.cluster.model import Instance
from ganetid.guest.config_drive import LABEL, BadConfigDrive, write_config_drive
from ganetid.guest.metadata_drive import metadata_of_drive
from ganetid.hooks.run import HookResult
from ganetid.node.equipment import Equipment
from ganetid.node.ssconf_files import remove_others, write_files
from ganetid.opcodes.errors import OpExecError
from ganetid.os.definition import OsDefinition
from ganetid.os.on_node import NodeSystems, Surroundings


class SystemCalls(Equipment):
    """
    What INode says of operating systems, config drives and hooks.
    """

    async def diagnose_os(self) -> tuple[OsDefinition, ...]:
        """See INode."""
        return () if self.systems is None else await self.systems.diagnose_os()

    async def verify_os(
        self, os_type: str, parameters: Mapping[str, str], force_variant: bool = False
    ) -> None:
        """See INode."""
        await self._operating_systems().verify_os(os_type, parameters, force_variant)

    async def install_os(
        self, instance: Instance, around: Surroundings, reinstall: bool = False
    ) -> tuple[str, ...]:
        """See INode."""
        return await self._operating_systems().install_os(instance, around, reinstall)

    async def rename_os(
        self, instance: Instance, around: Surroundings, old_name: str
    ) -> tuple[str, ...]:
        """See INode."""
        return await self._operating_systems().rename_os(instance, around, old_name)

    def _operating_systems(self) -> NodeSystems:
        if self.systems is None:
            raise OpExecError("This node has no operating systems")
        return self.systems

    async def write_config_drive(
        self, instance: Instance, files: Mapping[str, bytes], label: str = LABEL
    ) -> None:
        """See INode.  Raises OpExecError."""
        path = self._config_drive(instance.name)
        try:
            await deferToThread(write_config_drive, path, files, label)
        except (BadConfigDrive, OSError) as error:
            raise OpExecError(f"Can't write the config drive: {error}") from error
        if instance.name in self.network.plugged():  # what the metadata service says
            ports = self.network.ports(instance.name)
            told = await deferToThread(metadata_of_drive, path, ports)
            await self.network.update(instance.name, ports, told)

    async def read_config_drive(self, instance: Instance) -> bytes | None:
        """See INode."""
        return await self._moving(instance).read_drive()

    async def write_config_image(self, instance: Instance, content: bytes) -> None:
        """See INode."""
        await self._moving(instance).write_drive(content)

    async def keep_spare(self, instance: Instance, content: bytes) -> None:
        """See INode."""
        try:
            await self._spares.keep(instance.name, content)
        except OSError as error:
            raise OpExecError(f"Can't keep a config drive: {error}") from error

    async def read_spare(self, instance: Instance) -> bytes | None:
        """See INode."""
        return await self._spares.read(instance.name)

    async def prune_spares(self, known: frozenset[str]) -> frozenset[str]:
        """See INode."""
        return await self._spares.prune(known)

    async def write_ssconf(self, values: Mapping[str, str], is_all: bool) -> None:
        """See INode."""
        directory = self._directory.parent
        try:
            await deferToThread(write_files, directory, values)
            if is_all:
                await deferToThread(remove_others, directory, frozenset(values))
        except OSError as error:
            raise OpExecError(f"Can't write files of the configuration: {error}") from error

    async def hold_cluster_address(self, place: ClusterPlace) -> None:
        """See INode."""
        if self.cluster_address is None:
            raise OpExecError("This node can't hold the cluster's address")
        await self.cluster_address.hold(place)

    async def release_cluster_address(self) -> None:
        """See INode."""
        if self.cluster_address is not None:
            await self.cluster_address.release()

    async def has_address(self, address: str) -> bool:
        """See INode."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))
        except OSError:
            return False
        return True

    async def run_hooks(
        self, path: str, phase: str, environment: Mapping[str, str]
    ) -> tuple[HookResult, ...]:
        """See INode."""
        return () if self.local_hooks is None else await self.local_hooks(path, phase, environment)
