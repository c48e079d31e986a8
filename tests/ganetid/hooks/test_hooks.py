"""
Hooks: what they are told, which ones run, and what comes of their failure.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.defaults import BEPARAMS, HVPARAMS
from ganetid.cluster.model import (
    ClusterFacts,
    Connection,
    Disk,
    DropInstance,
    Instance,
    Member,
    Network,
    Nic,
    PutInstance,
    PutMember,
    PutNetwork,
)
from ganetid.hooks.environment import Environment, instance_part
from ganetid.hooks.paths import HOOKS
from ganetid.hooks.places import nodes_for
from ganetid.hooks.run import FAIL, SKIP, SUCCESS, HookResult, run_hooks
from ganetid.hooks.runner import HookRunner, HooksAbort, here
from ganetid.opcodes.errors import OpExecError, encoded
from tests.ganetid.scripts.test_running import write

NETWORK = Network(
    "net",
    "n-u",
    "10.1.0.0/24",
    0.0,
    0.0,
    gateway="10.1.0.1",
    mac_prefix="aa:00:01",
    tags=("public",),
    connections=(Connection("default", "bridged", "br7", ".100"),),
)
INSTANCE = Instance(
    name="web",
    uuid="i-u",
    os_type="debian+default",
    hypervisor="kvm",
    disk_template="ext",
    disks=(Disk("vol", "d-u", 1024, provider="archipelago"),),
    nics=(Nic("eth", "c-u", "aa:00:01:00:00:01", "10.1.0.5", "net", "bridged", "br7"),),
    beparams={"maxmem": 256},
    hvparams={"acpi": False},
    osparams={"password": "secret"},
    admin_state="up",
    ctime=0.0,
    mtime=0.0,
    tags=("a", "b"),
    primary_node="two",
)


def a_cluster() -> Configuration:
    cluster = Configuration("cluster.example", "one", ClusterFacts("u", "u", "u", 0.0))
    for name in ("one", "two", "three"):
        cluster.apply([PutMember(Member(name, name, "default", 0.0, 0.0))])
    cluster.apply([PutMember(Member("gone", "gone", "default", 0.0, 0.0, offline=True))])
    cluster.apply([PutNetwork(NETWORK), PutInstance(INSTANCE)])
    return cluster


class EnvironmentTests(SynchronousTestCase):
    """What hooks are told."""

    def test_instance(self) -> None:
        """All of an instance, in Ganeti's variables; of its secrets nothing."""
        told = instance_part(INSTANCE, {"net": NETWORK})
        parameters = {f"INSTANCE_BE_{key}": str(value) for key, value in BEPARAMS.items()}
        parameters |= {f"INSTANCE_HV_{key}": str(value) for key, value in HVPARAMS.items()}
        parameters |= {"INSTANCE_BE_maxmem": "256", "INSTANCE_HV_acpi": "False"}
        self.assertEqual(
            told,
            {
                **parameters,
                "OP_TARGET": "web",
                "INSTANCE_NAME": "web",
                "INSTANCE_PRIMARY": "two",
                "INSTANCE_SECONDARIES": "",
                "INSTANCE_OS_TYPE": "debian+default",
                "INSTANCE_STATUS": "up",
                "INSTANCE_MINMEM": "128",
                "INSTANCE_MAXMEM": "256",
                "INSTANCE_MEMORY": "256",
                "INSTANCE_VCPUS": "1",
                "INSTANCE_DISK_TEMPLATE": "ext",
                "INSTANCE_HYPERVISOR": "kvm",
                "INSTANCE_TAGS": "a b",
                "INSTANCE_NIC_COUNT": "1",
                "INSTANCE_NIC0_NAME": "eth",
                "INSTANCE_NIC0_UUID": "c-u",
                "INSTANCE_NIC0_IP": "10.1.0.5",
                "INSTANCE_NIC0_MAC": "aa:00:01:00:00:01",
                "INSTANCE_NIC0_MODE": "bridged",
                "INSTANCE_NIC0_LINK": "br7",
                "INSTANCE_NIC0_BRIDGE": "br7",
                "INSTANCE_NIC0_VLAN": ".100",
                "INSTANCE_NIC0_NETWORK_NAME": "net",
                "INSTANCE_NIC0_NETWORK_UUID": "n-u",
                "INSTANCE_NIC0_NETWORK_SUBNET": "10.1.0.0/24",
                "INSTANCE_NIC0_NETWORK_GATEWAY": "10.1.0.1",
                "INSTANCE_NIC0_NETWORK_MAC_PREFIX": "aa:00:01",
                "INSTANCE_NIC0_NETWORK_TAGS": "public",
                "INSTANCE_DISK_COUNT": "1",
                "INSTANCE_DISK0_NAME": "vol",
                "INSTANCE_DISK0_UUID": "d-u",
                "INSTANCE_DISK0_SIZE": "1024",
                "INSTANCE_DISK0_MODE": "rw",
                "INSTANCE_DISK0_DEV_TYPE": "ext",
                "INSTANCE_DISK0_PROVIDER": "archipelago",
                "INSTANCE_DISK0_ID": "vol",
            },
        )


class PlaceTests(SynchronousTestCase):
    """Where hooks run."""

    def places(self, op_id: str, is_before: bool = True, **given: Any) -> tuple[str, ...]:
        cluster = a_cluster()
        instance = cluster.instances.get(str(given.get("instance_name")))
        return nodes_for(HOOKS[op_id], is_before, given, cluster, instance)

    def test_places(self) -> None:
        """On the nodes that Ganeti would run them on, but on none that is offline."""
        web = {"instance_name": "web"}
        self.assertEqual(self.places("OP_INSTANCE_STARTUP", **web), ("one", "two"))
        self.assertEqual(self.places("OP_INSTANCE_REMOVE", **web), ("one",))
        self.assertEqual(self.places("OP_INSTANCE_REMOVE", False, **web), ("one", "two"))
        moved = self.places("OP_INSTANCE_MIGRATE", target_node="three", **web)
        self.assertEqual(moved, ("one", "two", "three"))
        failed = {"target_node": "three", **web}
        self.assertEqual(self.places("OP_INSTANCE_FAILOVER", **failed), ("one", "three"))
        everywhere = self.places("OP_INSTANCE_FAILOVER", False, **failed)
        self.assertEqual(everywhere, ("one", "two", "three"))
        self.assertEqual(self.places("OP_NODE_REMOVE", node_name="two"), ("one", "three"))
        self.assertEqual(self.places("OP_NODE_SET_PARAMS", node_name="gone"), ("one",))
        self.assertEqual(self.places("OP_CLUSTER_DESTROY"), ())
        self.assertEqual(len(self.places("OP_CLUSTER_RENAME", False)), 3)
        self.assertEqual(self.places("OP_NETWORK_ADD"), ("one",))
        self.assertEqual(len(self.places("OP_NETWORK_RENAME", network_name="net")), 3)
        self.assertEqual(len(self.places("OP_NETWORK_CONNECT", group_name="default")), 3)


class HookCase(TestCase):
    """Has a directory of hooks."""

    timeout = 60

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="hook"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def hook(self, name: str, body: str) -> Path:
        return write(self.directory / name, body)

    def told(self, name: str) -> Environment:
        lines = (self.directory / name).read_text().splitlines()
        known = dict(line.split("=", 1) for line in lines)
        return {key: known[key] for key in known if key not in {"_", "SHLVL"}}


class RunTests(HookCase):
    """The hooks of one directory."""

    def test_which_run(self) -> Deferred[None]:
        """Executable files with harmless names, sorted; a failure stops none of them."""

        async def check() -> None:
            here_ = "instance-start-pre.d"
            for name in ("20-b", "10_a", "30c"):
                self.hook(f"{here_}/{name}", f"echo {name}; [ {name} != 20-b ]")
            self.hook(f"{here_}/with.dot", "touch /never")
            self.hook(f"{here_}/.hidden", "touch /never")
            self.hook(f"{here_}/plain", "touch /never").chmod(0o644)
            (self.directory / here_ / "directory").mkdir()
            results = await run_hooks(reactor, self.directory, "instance-start", "pre", {})
            self.assertEqual(
                results,
                (
                    HookResult(f"{here_}/10_a", SUCCESS, "10_a"),
                    HookResult(f"{here_}/20-b", FAIL, "20-b"),
                    HookResult(f"{here_}/30c", SUCCESS, "30c"),
                    HookResult(f"{here_}/directory", SKIP),
                    HookResult(f"{here_}/plain", SKIP),
                    HookResult(f"{here_}/with.dot", SKIP),
                ),
            )
            none = await run_hooks(reactor, self.directory, "instance-start", "post", {})
            self.assertEqual(none, ())

        return Deferred.fromCoroutine(check())

    def test_surroundings(self) -> Deferred[None]:
        """Root directory, empty input, no arguments, and just what it is told."""

        async def check() -> None:
            os.environ["SECRET_OF_OURS"] = "x"
            self.addCleanup(os.environ.pop, "SECRET_OF_OURS")
            self.hook("group-add-post.d/x", f"env >{self.directory}/env; cat; echo $# $PWD")
            told = {"GANETI_OP_CODE": "OP_GROUP_ADD", "GANETI_X": "a b"}
            (result,) = await run_hooks(reactor, self.directory, "group-add", "post", told)
            self.assertEqual(result.output, "0 /")
            surroundings = {"PATH": "/sbin:/bin:/usr/sbin:/usr/bin", "PWD": "/"}
            self.assertEqual(self.told("env"), {**told, **surroundings})

        return Deferred.fromCoroutine(check())

    def test_time_out(self) -> Deferred[None]:
        """A hook that does not end is ended, and failed."""

        async def check() -> None:
            self.hook("group-add-pre.d/x", "sleep 60")
            begun = time.monotonic()
            (result,) = await run_hooks(reactor, self.directory, "group-add", "pre", {}, 0.3)
            self.assertEqual((result.outcome, result.output[:20]), (FAIL, "terminated after tim"))
            self.assertLess(time.monotonic() - begun, 10)

        return Deferred.fromCoroutine(check())

    def test_no_way_out(self) -> Deferred[None]:
        """No path leads out of the directory."""

        async def check() -> None:
            self.hook("x-pre.d/x", "exit 0")
            for path in ("../x", "a/../x", ""):
                work = Deferred.fromCoroutine(
                    run_hooks(reactor, self.directory / "sub", path, "pre", {})
                )
                await self.assertFailure(work, ValueError)

        return Deferred.fromCoroutine(check())


class RunnerTests(HookCase):
    """Hooks around an opcode."""

    def setUp(self) -> None:
        super().setUp()
        self.cluster = a_cluster()
        self.runner = HookRunner(here(reactor, self.directory, "one"), "/var/lib/ganetid")
        self.logged: list[str] = []

    def test_before_and_after(self) -> Deferred[None]:
        """Pre hooks are told what is, post hooks what was and what is now."""

        async def check() -> None:
            for phase in ("pre", "post"):
                self.hook(f"instance-stop-{phase}.d/x", f"env >{self.directory}/{phase}")
            given = {"instance_name": "web", "timeout": 7}
            begun = await self.runner.before("OP_INSTANCE_SHUTDOWN", given, self.cluster)
            self.cluster.apply([PutInstance(evolve(INSTANCE, admin_state="down"))])
            await self.runner.after(begun, self.cluster, self.logged.append)
            before, after = self.told("pre"), self.told("post")
            common = {
                "GANETI_HOOKS_VERSION": "2",
                "GANETI_HOOKS_PHASE": "pre",
                "GANETI_HOOKS_PATH": "instance-stop",
                "GANETI_OP_CODE": "OP_INSTANCE_SHUTDOWN",
                "GANETI_OBJECT_TYPE": "INSTANCE",
                "GANETI_OP_TARGET": "web",
                "GANETI_DATA_DIR": "/var/lib/ganetid",
                "GANETI_CLUSTER": "cluster.example",
                "GANETI_MASTER": "one",
                "GANETI_TIMEOUT": "7",
                "GANETI_INSTANCE_STATUS": "up",
            }
            self.assertEqual({key: before[key] for key in common}, common)
            self.assertFalse([key for key in before if "_POST_" in key])
            self.assertEqual(after["GANETI_INSTANCE_STATUS"], "up")
            self.assertEqual(after["GANETI_POST_INSTANCE_STATUS"], "down")
            self.assertEqual(after["GANETI_POST_TIMEOUT"], "7")
            self.assertEqual(after["GANETI_HOOKS_PHASE"], "post")
            odd = [key for key in after if not key.startswith("GANETI_")]
            self.assertEqual(sorted(odd), ["PATH", "PWD"])

        return Deferred.fromCoroutine(check())

    def test_abort(self) -> Deferred[None]:
        """A pre hook that fails ends the opcode, with every failure in its result."""

        async def check() -> None:
            self.hook("instance-start-pre.d/a", "echo not today >&2; exit 1")
            self.hook("instance-start-pre.d/b", "exit 0")
            given = {"instance_name": "web", "force": False}
            work = Deferred.fromCoroutine(
                self.runner.before("OP_INSTANCE_STARTUP", given, self.cluster)
            )
            error = await self.assertFailure(work, HooksAbort)
            failures = [["one", "instance-start-pre.d/a", "not today"]]
            self.assertEqual(encoded(error), ["HooksAbort", [failures]])

        return Deferred.fromCoroutine(check())

    def test_post_failure(self) -> Deferred[None]:
        """A post hook that fails is logged; of an instance that is gone, the former facts told."""

        async def check() -> None:
            self.hook("instance-remove-post.d/a", f"env >{self.directory}/post; exit 2")
            given = {"instance_name": "web", "shutdown_timeout": 1}
            begun = await self.runner.before("OP_INSTANCE_REMOVE", given, self.cluster)
            self.cluster.apply([DropInstance("web")])
            await self.runner.after(begun, self.cluster, self.logged.append)
            script = "instance-remove-post.d/a"
            says = f" - WARNING: On one script {script} failed, output: exited with exit code 2"
            self.assertEqual(self.logged, [says])
            self.assertEqual(self.told("post")["GANETI_POST_INSTANCE_NAME"], "web")

        return Deferred.fromCoroutine(check())

    def test_migration(self) -> Deferred[None]:
        """After a move both nodes are told, also when the target was chosen meanwhile."""

        async def check() -> None:
            self.hook("instance-migrate-post.d/a", f"env >{self.directory}/post")
            given = {"instance_name": "web", "target_node": None, "cleanup": False}
            begun = await self.runner.before("OP_INSTANCE_MIGRATE", given, self.cluster)
            self.cluster.apply([PutInstance(evolve(INSTANCE, primary_node="three"))])
            await self.runner.after(begun, self.cluster, self.logged.append)
            told = self.told("post")
            self.assertEqual(told["GANETI_POST_OLD_PRIMARY"], "two")
            self.assertEqual(told["GANETI_POST_NEW_PRIMARY"], "three")
            self.assertEqual(told["GANETI_MIGRATE_LIVE"], "True")

        return Deferred.fromCoroutine(check())

    def test_creation(self) -> Deferred[None]:
        """Before a creation there is the wish; after it the instance, though it is not kept yet."""

        async def check() -> None:
            places: list[tuple[str, str]] = []
            told: dict[str, Environment] = {}

            async def run_on(
                node: str, path: str, phase: str, environment: Environment
            ) -> tuple[HookResult, ...]:
                places.append((phase, node))
                told[phase] = environment
                return ()

            runner = HookRunner(run_on, "/data")
            new = evolve(INSTANCE, name="new", primary_node="three")
            given: dict[str, Any] = {
                "instance_name": "new",
                "mode": "create",
                "start": True,
                "pnode": None,
                "disks": [{"size": 5}],
                "nics": [],
            }
            begun = await runner.before("OP_INSTANCE_CREATE", given, self.cluster, new)
            changes = (PutInstance(new),)
            await runner.after(begun, self.cluster, self.logged.append, changes)
            both = [(phase, node) for phase in ("pre", "post") for node in ("one", "three")]
            self.assertEqual(places, both)
            self.assertEqual(told["pre"]["GANETI_ADD_MODE"], "create")
            self.assertEqual(told["pre"]["GANETI_INSTANCE_PRIMARY"], "three")
            self.assertEqual(told["post"]["GANETI_POST_INSTANCE_PRIMARY"], "three")
            self.assertEqual(told["post"]["GANETI_POST_INSTANCE_STATUS"], "True")

        return Deferred.fromCoroutine(check())

    def test_removal(self) -> Deferred[None]:
        """After a removal that is not in the configuration yet, the former facts are told."""

        async def check() -> None:
            self.hook("instance-remove-post.d/a", f"env >{self.directory}/post")
            given = {"instance_name": "web", "shutdown_timeout": 1}
            begun = await self.runner.before("OP_INSTANCE_REMOVE", given, self.cluster)
            changes = (DropInstance("web"),)
            await self.runner.after(begun, self.cluster, self.logged.append, changes)
            self.assertEqual(self.told("post")["GANETI_POST_INSTANCE_PRIMARY"], "two")

        return Deferred.fromCoroutine(check())

    def told_before(self, op_id: str, **given: Any) -> Environment:
        """What the object's pre hooks are told besides what all are."""
        told: list[Environment] = []

        async def run_on(
            node: str, path: str, phase: str, environment: Environment
        ) -> tuple[HookResult, ...]:
            told.append(environment)
            return ()

        work = HookRunner(run_on, "/data").before(op_id, given, self.cluster)
        self.successResultOf(Deferred.fromCoroutine(work))
        common = {"HOOKS_VERSION", "HOOKS_PHASE", "HOOKS_PATH", "OP_CODE", "DATA_DIR", "CLUSTER",
                  "MASTER"}  # fmt: skip
        known = {key.removeprefix("GANETI_"): value for key, value in told[0].items()}
        return {key: known[key] for key in known if key not in common}

    def test_other_objects(self) -> None:
        """Nodes, groups, networks and the cluster, each in Ganeti's variables."""
        self.assertEqual(
            self.told_before("OP_NODE_SET_PARAMS", node_name="two", offline=True, drained=None),
            {
                "OBJECT_TYPE": "NODE",
                "OP_TARGET": "two",
                "MASTER_CANDIDATE": "None",
                "OFFLINE": "True",
                "DRAINED": "None",
                "MASTER_CAPABLE": "None",
                "VM_CAPABLE": "None",
            },
        )
        self.assertEqual(
            self.told_before("OP_GROUP_SET_PARAMS", group_name="g", alloc_policy="last_resort"),
            {"OBJECT_TYPE": "GROUP", "GROUP_NAME": "g", "NEW_ALLOC_POLICY": "last_resort"},
        )
        self.assertEqual(
            self.told_before("OP_CLUSTER_RENAME", name="new.example"),
            {"OBJECT_TYPE": "CLUSTER", "OP_TARGET": "cluster.example", "NEW_NAME": "new.example"},
        )
        self.assertEqual(
            self.told_before(
                "OP_NETWORK_ADD", network_name="n", network="10.0.0.0/8", gateway=None, tags=["a"]
            ),
            {
                "OBJECT_TYPE": "NETWORK",
                "NETWORK_NAME": "n",
                "NETWORK_SUBNET": "10.0.0.0/8",
                "NETWORK_TAGS": "a",
            },
        )

    def test_known_networks(self) -> None:
        """A network that is modified is told whole; one that is disconnected, how it was."""
        self.assertEqual(
            self.told_before("OP_NETWORK_SET_PARAMS", network_name="net", gateway="10.1.0.9"),
            {
                "OBJECT_TYPE": "NETWORK",
                "NETWORK_NAME": "net",
                "NETWORK_SUBNET": "10.1.0.0/24",
                "NETWORK_GATEWAY": "10.1.0.9",
                "NETWORK_MAC_PREFIX": "aa:00:01",
                "NETWORK_TAGS": "public",
            },
        )
        self.assertEqual(
            self.told_before("OP_NETWORK_DISCONNECT", network_name="net", group_name="default"),
            {
                "OBJECT_TYPE": "NETWORK",
                "GROUP_NAME": "default",
                "GROUP_NETWORK_MODE": "bridged",
                "GROUP_NETWORK_LINK": "br7",
                "GROUP_NETWORK_VLAN": ".100",
            },
        )

    def test_none(self) -> Deferred[None]:
        """An opcode without hooks runs none, and a dry run those before it."""

        async def check() -> None:
            self.hook("instance-start-pre.d/a", "echo no; exit 1")
            self.hook("instance-start-post.d/a", "echo never; exit 1")
            given: dict[str, Any] = {"instance_name": "web", "dry_run": True}
            self.assertIsNone(await self.runner.before("OP_TAGS_SET", given, self.cluster))
            with self.assertRaises(HooksAbort):
                await self.runner.before("OP_INSTANCE_STARTUP", given, self.cluster)
            self.hook("instance-start-pre.d/a", "exit 0")
            begun = await self.runner.before("OP_INSTANCE_STARTUP", given, self.cluster)
            await self.runner.after(begun, self.cluster, self.logged.append)
            self.assertEqual((begun, self.logged), (None, []))

        return Deferred.fromCoroutine(check())

    def test_unreachable(self) -> Deferred[None]:
        """A node out of reach stops nothing; the others' hooks count."""

        async def check() -> None:
            async def run_on(
                node: str, path: str, phase: str, told: Environment
            ) -> tuple[HookResult, ...]:
                if node == "two":
                    raise OpExecError("Node 'two' can't be reached")
                return (HookResult("a", FAIL, node),)

            runner = HookRunner(run_on, "/data")
            work = Deferred.fromCoroutine(
                runner.before("OP_INSTANCE_STARTUP", {"instance_name": "web"}, self.cluster)
            )
            error = await self.assertFailure(work, HooksAbort)
            self.assertEqual(error.args, ([["one", "a", "one"]],))

        return Deferred.fromCoroutine(check())
