"""
What scripts and hooks are told, beside what a real Ganeti 3.0.2 told of the same instance.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.defaults import BEPARAMS, HVPARAMS, filled
from ganetid.cluster.model import (
    ClusterFacts,
    Connection,
    Disk,
    Instance,
    Member,
    Network,
    Nic,
    PutInstance,
    PutMember,
    PutNetwork,
)
from ganetid.disks.provider_scripts import environment_of
from ganetid.hooks.environment import Environment
from ganetid.hooks.run import HookResult
from ganetid.hooks.runner import HookRunner
from ganetid.hypervisor.interface import NbdDrive
from ganetid.os.definition import OsDefinition
from ganetid.os.environment import core_environment, instance_environment
from ganetid.os.task import OsTask, ReachedDisk

RECORDED = Path(__file__).parents[1] / "vectors" / "ganeti" / "environments.json"
OS = OsDefinition("dump", "/srv/ganeti/os/dump", None, (20,), ("small", "large"), (("dhcp", "x"),))
OURS = {"NIC_0_VLAN"}  # what we tell besides


@cache
def recorded() -> dict[str, Any]:
    """Environments by kind and script."""
    found: dict[str, Any] = json.loads(RECORDED.read_text())
    return found


def the_instance() -> tuple[Instance, Network]:
    """What the real one had, as far as its scripts told."""
    told = recorded()["os"]["create"]
    volume = recorded()["ext"]["create"]
    network = Network(
        "net",
        told["NIC_0_NETWORK_UUID"],
        "10.1.0.0/24",
        0.0,
        0.0,
        gateway="10.1.0.9",
        tags=("public",),
        connections=(Connection("default", "bridged", "gnt0", ".100"),),
    )
    nic = Nic("eth", told["NIC_0_UUID"], told["NIC_0_MAC"], "10.1.0.1", "net", "bridged", "gnt0")
    params = {"pool": "fast", "access": "userspace"}
    disk = Disk(volume["VOL_NAME"], volume["VOL_UUID"], 64, provider="nas", params=params)
    instance = Instance(
        name="web.example",
        uuid=told["INSTANCE_UUID"],
        os_type="dump+small",
        hypervisor="kvm",
        disk_template="ext",
        disks=(disk,),
        nics=(nic,),
        beparams=filled({"minmem": 128, "maxmem": 128}, BEPARAMS),
        hvparams=filled({}, HVPARAMS),
        osparams={},
        admin_state="up",
        ctime=float(told["INSTANCE_CTIME"]),
        mtime=float(told["INSTANCE_MTIME"]),
        tags=("b", "a"),
        primary_node="gnode1",
    )
    return instance, network


def without_hypervisor(environment: Environment) -> Environment:
    """Without hypervisor parameters, of which another version has others."""
    return {key: value for key, value in environment.items() if "INSTANCE_HV_" not in key}


class SystemTests(SynchronousTestCase):
    """Scripts of an operating system."""

    def test_verify(self) -> None:
        """Verify is told the same."""
        expected = {**recorded()["os"]["verify"]}
        expected.pop("PWD")
        self.assertEqual(core_environment(OS, "dump+small", {"dhcp": "no"}), expected)

    def test_create(self) -> None:
        """Create is told the same, but for the disk's name and what we tell besides."""
        expected = {**recorded()["os"]["create"]}
        expected.pop("PWD")
        instance, network = the_instance()
        disk = ReachedDisk(NbdDrive("/var/dump/sock", ""))
        node = expected["INSTANCE_PRIMARY_NODE"]
        task = OsTask(instance, (disk,), {"net": network}, node, {"dhcp": "no"})
        told = instance_environment(OS, task)
        self.assertEqual(told["DISK_0_NAME"], instance.disks[0].name)
        expected["DISK_0_NAME"] = told["DISK_0_NAME"]
        ours = {key: value for key, value in told.items() if key not in OURS}
        self.assertEqual(without_hypervisor(ours), without_hypervisor(expected))

    def test_hypervisor_parameters(self) -> None:
        """Every hypervisor parameter that Ganeti tells is told."""
        instance, _ = the_instance()
        told = instance_environment(OS, OsTask(instance, (ReachedDisk(NbdDrive("/s", "")),)))
        missing = {key for key in recorded()["os"]["create"] if "_HV_" in key} - set(told)
        self.assertEqual(missing, set())


class ProviderTests(SynchronousTestCase):
    """Scripts of a provider of external storage."""

    def test_all(self) -> None:
        """Each is told the same, but that a disk's name is its volume's here."""
        disk = the_instance()[0].disks[0]
        specials: dict[str, dict[str, Any]] = {
            "create": {"size_mib": 64},
            "open": {"exclusive": True},
            "setinfo": {"metadata": "originstname+web.example"},
            "grow": {"size_mib": 64, "new_size_mib": 96},
        }
        for action, expected in recorded()["ext"].items():
            told = environment_of(disk, "userspace", **specials.get(action, {}))
            changed = {"VOL_CNAME": disk.name, "PATH": told["PATH"]}
            wanted = {key: value for key, value in expected.items() if key != "PWD"}
            self.assertEqual(told, {**wanted, **changed}, action)


class HookTests(SynchronousTestCase):
    """Hooks."""

    def setUp(self) -> None:
        self.instance, self.network = the_instance()
        self.cluster = Configuration("gcl", "gnode1", ClusterFacts("u", "u", "u", 0.0))
        self.cluster.apply([PutMember(Member("gnode1", "u", "default", 0.0, 0.0))])
        self.cluster.apply([PutNetwork(self.network), PutInstance(self.instance)])
        self.told: dict[str, Environment] = {}
        self.runner = HookRunner(self.run_on, "/var/lib/ganeti")

    async def run_on(
        self, node: str, path: str, phase: str, told: Environment
    ) -> tuple[HookResult, ...]:
        self.told[f"{path}-{phase}"] = told
        return ()

    def run_hooks(self, op_id: str, *changes: Any, **given: Any) -> None:
        async def work() -> None:
            begun = await self.runner.before(op_id, given, self.cluster)
            await self.runner.after(begun, self.cluster, self.fail, changes)

        self.successResultOf(Deferred.fromCoroutine(work()))

    def same(self, name: str, **other: str) -> None:
        expected = {**recorded()["hooks"][name], **other}
        for key in ("PWD", "PATH"):
            expected.pop(key)
        told = self.told[name]
        self.assertEqual(without_hypervisor(told), without_hypervisor(expected))
        self.assertEqual(set(expected) - set(told), set())

    def test_shutdown(self) -> None:
        """Before and after a shutdown."""
        disk = evolve(self.instance.disks[0], size_mib=96)
        grown = evolve(self.instance, disks=(disk,))
        self.cluster.apply([PutInstance(grown)])
        down = PutInstance(evolve(grown, admin_state="down"))
        self.run_hooks("OP_INSTANCE_SHUTDOWN", down, instance_name="web.example", timeout=0)
        names = {f"GANETI_{post}INSTANCE_DISK0_NAME": disk.name for post in ("", "POST_")}
        self.same("instance-stop-post", **names)

    def test_grow(self) -> None:
        """Before a disk grows."""
        given = {"instance_name": "web.example", "disk": 0, "amount": 32, "absolute": False}
        self.run_hooks("OP_INSTANCE_GROW_DISK", **given)
        self.same("disk-grow-pre", GANETI_INSTANCE_DISK0_NAME=self.instance.disks[0].name)

    def test_networks(self) -> None:
        """Before networks are made, changed and connected."""
        new = {"network_name": "net", "network": "10.1.0.0/24", "gateway": "10.1.0.1"}
        self.run_hooks("OP_NETWORK_ADD", **new, tags=["public"])
        self.same("network-add-pre")
        self.run_hooks("OP_NETWORK_SET_PARAMS", network_name="net", gateway="10.1.0.9")
        self.same("network-modify-pre")
        place = {"network_mode": "bridged", "network_link": "gnt0", "network_vlan": ".100"}
        self.run_hooks("OP_NETWORK_CONNECT", network_name="net", group_name="default", **place)
        self.same("network-connect-pre")

    def test_others(self) -> None:
        """Before a node, a group and the cluster are changed."""
        self.run_hooks("OP_NODE_SET_PARAMS", node_name="gnode1", vm_capable=True)
        self.same("node-modify-pre")
        self.run_hooks("OP_GROUP_ADD", group_name="g2")
        self.same("group-add-pre")
        self.run_hooks("OP_CLUSTER_SET_PARAMS")
        self.same("cluster-modify-pre")
