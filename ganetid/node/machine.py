"""
The node role: what one machine does for its instances.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from attrs import evolve
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from ganetid.cluster.model import Disk, Instance, Network, Nic
from ganetid.console.serial_log import last_lines
from ganetid.hypervisor.interface import ConsolePlace, Ended
from ganetid.hypervisor.journeys import Migrated, MigrationSettings
from ganetid.hypervisor.values import Shape
from ganetid.network.from_cluster import network_of, networks_of
from ganetid.network.ports import GroupPlan, RouterPlan
from ganetid.node.facts import NodeFacts, read_facts
from ganetid.node.guest_calls import GuestCalls
from ganetid.node.interface import Abilities, EndListener, INode
from ganetid.node.system_calls import SystemCalls
from ganetid.node.transfer_calls import TransferCalls


@implementer(INode)
class Node(GuestCalls, SystemCalls, TransferCalls):
    """
    INode of this machine: its guests and networks, beside what its bases say.
    """

    is_reachable = True

    @property
    def abilities(self) -> Abilities:
        """See INode."""
        return Abilities(tuple(self.hypervisors), frozenset(self.templates), str(self.network.mode))

    @property
    def running(self) -> frozenset[str]:
        """See INode."""
        return frozenset().union(*(each.running() for each in self.hypervisors.values()))

    @property
    def present(self) -> frozenset[str]:
        """Names of guests that have a process here: running, paused, arriving or about to go."""
        return frozenset(
            name
            for hypervisor in self.hypervisors.values()
            for name in hypervisor.kept() | hypervisor.running()
            if hypervisor.state(name) is not None
        )

    async def facts(self) -> NodeFacts:
        """See INode."""
        self.known_facts = await deferToThread(read_facts, self._directory)
        return self.known_facts

    async def find_guests(self) -> None:
        """Find guests again that a former life of this daemon started.  Call once, before all."""
        await self.facts()
        if self.systems is not None:
            await self.systems.begin()
        names = await deferToThread(_directories_in, self._directory)
        for hypervisor in self.hypervisors.values():
            for end in await hypervisor.recover(names):
                self._ended[end.name] = end
            hypervisor.watch(self._note_end)

    async def recover(self, names: tuple[str, ...], known: frozenset[str]) -> tuple[Ended, ...]:
        """See INode."""
        strays = await self._clear_strays(known)
        if strays:
            self._log.warn("removed what was left of {names}", names=", ".join(strays))
        running = self.running
        gone = Ended("", by_guest=False, reason="its guest is gone")
        return tuple(
            self._ended.get(name, evolve(gone, name=name)) for name in names if name not in running
        )

    def _note_end(self, end: Ended) -> None:
        self._ended[end.name] = end
        for listener in list(self._listeners):
            listener(end)

    async def guest_state(self, instance: Instance) -> str | None:
        """See INode."""
        state = self._hypervisor(instance).state(instance.name)
        return None if state is None else str(state.value)

    async def shape(self, instance: Instance) -> Shape:
        """See INode."""
        await self._moving(instance).let_go_soon(instance)
        shape: Shape = await self._hypervisor(instance).shape(instance.name)
        return shape

    async def expect_guest(self, instance: Instance, shape: Shape) -> str:
        """See INode."""
        return await self._moving(instance).expect(instance, shape)

    async def migrate(self, instance: Instance, uri: str, settings: MigrationSettings) -> Migrated:
        """See INode."""
        return await self._moving(instance).send(instance, uri, settings)

    async def settle(self, instance: Instance, run: bool) -> None:
        """See INode."""
        await self._moving(instance).settle(instance, run)

    async def abort(self, instance: Instance) -> None:
        """See INode."""
        await self._moving(instance).abort(instance)

    async def own_disks(self, instance: Instance) -> None:
        """See INode."""
        await self._moving(instance).own_again(instance)

    async def forget_guest(self, instance: Instance) -> None:
        """See INode."""
        await self._hypervisor(instance).clear(instance.name)
        await self._moving(instance).forget(instance)
        await deferToThread(shutil.rmtree, self._directory / instance.name, ignore_errors=True)

    async def start(self, instance: Instance) -> None:
        """
        Start the guest with all its disks and NICs; on failure its NICs are gone again.

        QEMU gives up at once when storage is away, so its disks are made active first.  A guest
        that slept begins anew.
        """
        self._ended.pop(instance.name, None)  # of a former run
        await self.forget_memory(instance)
        for disk in instance.disks:
            await self.template_of(instance).activate(instance.name, disk)
        nics = await self._plug(instance)
        try:
            await self._hypervisor(instance).start(self.guest_of(instance, nics))
        except Exception:
            await self.network.unplug(instance.name)
            await self._let_disks_go(instance)
            raise

    async def stop(self, instance: Instance, timeout_s: float) -> bool:
        """Ask the guest to go, end it after the timeout; whether it went by itself."""
        obeyed: bool = await self._hypervisor(instance).stop(instance.name, timeout_s)
        await self.network.unplug(instance.name)
        await self._let_disks_go(instance)
        return obeyed

    async def reset(self, instance: Instance) -> None:
        """Reset the guest.  Raises HypervisorError."""
        await self._hypervisor(instance).reset(instance.name)

    async def reboot_softly(self, instance: Instance, timeout_s: float) -> bool:
        """Ask the guest to reboot, reset it after the timeout; whether it obeyed."""
        obeyed: bool = await self._hypervisor(instance).reboot(instance.name, timeout_s)
        return obeyed

    async def is_running(self, instance: Instance) -> bool:
        """Asked just now."""
        runs: bool = await self._hypervisor(instance).verify(instance.name)
        return runs

    async def clear(self, instance: Instance) -> None:
        """End the guest, remove its NICs, config drive and logs; its disks stay.  Idempotent."""
        await self._hypervisor(instance).clear(instance.name)
        await self.network.unplug(instance.name)
        await deferToThread(shutil.rmtree, self._directory / instance.name, ignore_errors=True)

    async def tidy_after(self, instance: Instance) -> None:
        """See INode."""
        await self.network.unplug(instance.name)
        await self._let_disks_go(instance)

    async def _clear_strays(self, known: frozenset[str]) -> tuple[str, ...]:
        strays: set[str] = set()
        for hypervisor in self.hypervisors.values():
            for name in hypervisor.kept() - known:
                await hypervisor.clear(name)
                strays.add(name)
        for name in self.network.plugged() - known:
            await self.network.unplug(name)
            strays.add(name)
        strays |= set(await deferToThread(_remove_unknown, self._directory, known))
        return tuple(sorted(strays))

    async def carry(self, networks: tuple[Network, ...]) -> None:
        """See INode."""
        await self.network.carry(networks_of(networks, *self.surroundings()))

    async def connect(self, network: Network) -> None:
        """Carry a network.  Raises OpExecError."""
        plan = network_of(network, *self.surroundings())
        if plan is not None:
            await self.network.connect(plan)

    async def disconnect(self, network: Network) -> None:
        """Carry it no more.  Raises OpExecError."""
        await self.network.disconnect(network.name)

    async def share_groups(self, groups: tuple[GroupPlan, ...]) -> None:
        """See INode."""
        await self.network.share_groups(groups)

    async def change_groups(self, groups: tuple[GroupPlan, ...], gone: tuple[str, ...]) -> None:
        """See INode."""
        await self.network.change_groups(groups, gone)

    async def carry_routers(self, routers: tuple[RouterPlan, ...]) -> None:
        """See INode."""
        await self.network.carry_routers(routers)

    async def put_router(self, router: RouterPlan) -> None:
        """See INode."""
        await self.network.put_router(router)

    async def drop_router(self, name: str) -> None:
        """See INode."""
        await self.network.drop_router(name)

    async def plug_disk(self, instance: Instance, disk: Disk, index: int) -> None:
        """See INode."""
        await self._devices(instance).plug_disk(instance, disk, index)

    async def unplug_disk(self, instance: Instance, disk: Disk) -> None:
        """See INode."""
        await self._devices(instance).unplug_disk(instance, disk)

    async def plug_nic(self, instance: Instance, nic: Nic, index: int) -> None:
        """See INode."""
        await self._devices(instance).plug_nic(instance, nic, index)

    async def unplug_nic(self, instance: Instance, nic: Nic) -> None:
        """See INode."""
        await self._devices(instance).unplug_nic(instance, nic)

    async def update_nics(self, instance: Instance) -> None:
        """See INode."""
        await self._devices(instance).update_nics(instance)

    async def set_memory(self, instance: Instance, memory_mib: int) -> None:
        """See INode."""
        await self._hypervisor(instance).set_memory(instance.name, memory_mib)

    async def rename_files(self, instance: Instance, new_name: str) -> None:
        """See INode."""
        await self._hypervisor(instance).clear(instance.name)
        old, new = self._directory / instance.name, self._directory / new_name
        await deferToThread(_move, old, new)

    def watch(self, listener: EndListener) -> None:
        """See INode."""
        self._listeners.append(listener)

    def forget(self, listener: EndListener) -> None:
        """It is told no more."""
        self._listeners.remove(listener)

    async def close(self) -> None:
        """See INode."""
        for hypervisor in self.hypervisors.values():
            await hypervisor.close()
        await self._end_transfers()
        await self.network.close()

    async def console(self, instance: Instance) -> ConsolePlace:
        """See INode."""
        place: ConsolePlace = self._hypervisor(instance).console(instance.name)
        if self.console_offers is None:
            return place
        return evolve(place, tokens=await self.console_offers.of(instance.name, place))

    async def console_log(self, instance: Instance, lines: int | None) -> str:
        """The last lines of what the guest wrote on its serial port."""
        return await deferToThread(last_lines, self.console_log_path(instance.name), lines)

    def console_log_path(self, name: str) -> Path:
        """The file of an instance's serial log."""
        return self._directory / name / "console.log"


def _directories_in(directory: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in directory.iterdir() if path.is_dir()))


def _move(old: Path, new: Path) -> None:
    """Done already when only the new one is there."""
    if old.exists():
        old.replace(new)


def _remove_unknown(directory: Path, known: frozenset[str]) -> list[str]:
    """Remove directories of no known instance."""
    strays = [path for path in directory.iterdir() if path.is_dir() and path.name not in known]
    for path in strays:
        shutil.rmtree(path, ignore_errors=True)
    return [path.name for path in strays]
