"""
What is done with guests that are there: paused, put to sleep, asked, looked at.
"""

from __future__ import annotations

import base64
from pathlib import Path

from twisted.internet.threads import deferToThread

from ganetid.cluster.model import Instance
from ganetid.hypervisor.values import Statistics
from ganetid.node.disk_calls import DiskCalls

PASSWORD_S = 10.0
FREEZE_S = 30.0  # the guest writes all that it has not yet


class GuestCalls(DiskCalls):
    """
    What INode says of guests that are there, or that sleep.
    """

    async def pause(self, instance: Instance) -> None:
        """See INode."""
        await self._hypervisor(instance).pause(instance.name)

    async def unpause(self, instance: Instance) -> None:
        """See INode."""
        await self._hypervisor(instance).resume(instance.name)

    async def interrupt(self, instance: Instance) -> None:
        """See INode."""
        await self._hypervisor(instance).interrupt(instance.name)

    async def statistics(self, instance: Instance) -> Statistics:
        """See INode."""
        found: Statistics = await self._hypervisor(instance).statistics(instance.name)
        return found

    async def set_password(self, instance: Instance, user: str, password: str) -> None:
        """See INode."""
        hidden = base64.b64encode(password.encode()).decode()
        given = {"username": user, "password": hidden, "crypted": False}
        command = "guest-set-user-password"
        await self._hypervisor(instance).agent(instance.name, command, given, PASSWORD_S)

    async def freeze(self, instance: Instance) -> None:
        """See INode."""
        command = "guest-fsfreeze-freeze"
        await self._hypervisor(instance).agent(instance.name, command, None, FREEZE_S)

    async def thaw(self, instance: Instance) -> None:
        """See INode."""
        command = "guest-fsfreeze-thaw"
        await self._hypervisor(instance).agent(instance.name, command, None, FREEZE_S)

    async def suspend(self, instance: Instance) -> None:
        """See INode."""
        memory = self._memory(instance.name)
        hypervisor = self._hypervisor(instance)
        is_done = hypervisor.state(instance.name) is None and await deferToThread(memory.exists)
        if not is_done:
            await deferToThread(memory.parent.mkdir, 0o700, parents=True, exist_ok=True)
            await hypervisor.suspend(instance.name, memory)
        await self.network.unplug(instance.name)
        await self._let_disks_go(instance)

    async def sleeps(self, instance: Instance) -> bool:
        """See INode."""
        return await deferToThread(self._memory(instance.name).exists)

    async def wake(self, instance: Instance) -> None:
        """See INode."""
        self._ended.pop(instance.name, None)  # of a former run
        hypervisor = self._hypervisor(instance)
        if instance.name not in hypervisor.running():
            for disk in instance.disks:
                await self.template_of(instance).activate(instance.name, disk)
            nics = await self._plug(instance)
            try:
                guest = self.guest_of(instance, nics)
                await hypervisor.wake(guest, self._memory(instance.name))
            except Exception:
                await self.network.unplug(instance.name)
                await self._let_disks_go(instance)
                raise
        await self.forget_memory(instance)

    async def forget_memory(self, instance: Instance) -> None:
        """See INode."""
        await deferToThread(self._memory(instance.name).unlink, missing_ok=True)

    def _memory(self, name: str) -> Path:
        return self._directory / name / "memory"
