"""
The cluster's own address is where the master is: on three machines in network namespaces.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.ganetid.node.machines import INSIDE, SUBNET, Machine, MachinesTestCase, RemoteClient, run

ADDRESS = f"{SUBNET}.99"


class AddressTests(MachinesTestCase):
    """master_ip, with ganetids whose remote API listens on all addresses."""

    hypervisor = "fake"

    def setUp(self) -> None:
        super().setUp()
        for machine in self.machines:
            settings = machine.config.read_text()
            own = f'rapi_host = "{machine.address}"'
            machine.config.write_text(settings.replace(own, 'rapi_host = "0.0.0.0"'))

    def test_goes_with_the_master(self) -> Deferred[None]:
        """It is brought up, moves when the master dies or hands over, and is removed."""

        async def check() -> None:
            client = await self.make_cluster()
            one, two, three = self.machines
            given = {"master_ip": ADDRESS, "master_netdev": INSIDE, "master_netmask": 24}
            job = await client.job("PUT", "/2/modify", given)
            self.assertEqual(job["status"], "success", job)
            self.client = RemoteClient(ADDRESS)
            await self.is_at(one)
            assert one.daemon is not None
            one.daemon.transport.signalProcess("KILL")  # its machine and the address stay
            await one.daemon.ended
            await two.admin("master-failover")
            await self.is_at(two, one)
            await self.until(lambda: self.has(one, False), "the dead one's machine has lost it")
            await self.is_at(two)
            one.spawn()  # a node now, which has to let go of it
            await self.until(lambda: self.has(one, False), "the old one has let go")
            await self.in_sync(two)
            await three.admin("master-failover")
            await self.is_at(three)
            if os.environ.get("ADDRESS_LONG"):
                await self.cut_off(three)
            job = await three.client.job("PUT", "/2/modify", {"master_ip": ""})
            self.assertEqual(job["status"], "success", job)
            await self.until(lambda: self.has(three, False), "it is removed")

        return Deferred.fromCoroutine(check())

    async def cut_off(self, master: Machine) -> None:
        """It lets go of the address itself, and has it again when it hears the others."""
        await master.cable("down")
        await self.until(lambda: self.has(master, False), "cut off it has lost it")
        await master.cable("up")
        await self.is_at(master)

    async def is_at(self, master: Machine, left: Machine | None = None) -> None:
        """It leads to this master, and no other machine but `left` has it."""
        await self.until(lambda: self.leads_to(master), f"it leads to {master.name}")
        for machine in self.machines:
            if machine is not left:
                self.assertTrue(await self.has(machine, machine is master), machine.name)

    async def leads_to(self, master: Machine) -> bool:
        try:
            _, info = await self.client.call("GET", "/2/info")
        except Exception:  # noqa: BLE001 - nobody is there yet
            return False
        return bool(info["master"] == master.name)

    async def has(self, machine: Machine, expected: bool) -> Any:
        words = ("ip", "-netns", machine.namespace, "-o", "address", "show", "dev", INSIDE)
        return (f" {ADDRESS}/24 " in await deferToThread(run, *words)) is expected
