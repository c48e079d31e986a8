"""
dry_run: every opcode looks whether it could be done, and does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from ganetid.jobs.queue import Order
from ganetid.opcodes.table import OPCODES
from ganetid.rapi.routes import RESOURCES
from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase

UP, DOWN = {"instance_name": "up"}, {"instance_name": "down"}
ABSENT = {"instance_name": "absent"}
OTHER = {"new_name": "x", "name_check": False, "ip_check": False}
NET, GROUP, NODE = {"network_name": "net"}, {"group_name": "second"}, {"node_name": "node2"}
NEW = {key: value for key, value in create_body("new").items() if key != "__version__"}
TAGS = {"kind": "instance", "name": "up", "tags": ["a"]}
NEW_DISK = {"size": 8, "provider": "archipelago"}
GUARD = {"group_name": "guard"}
PLACE = {**NET, "group_name": "second", "network_mode": "bridged", "network_link": "br9"}

Wish = tuple[str, dict[str, Any]]
# opcode -> (parameters that are right, those that are wrong, what is said of them)
CASES: Mapping[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "OP_BACKUP_EXPORT": (
        {**DOWN, "target_node": "node1"}, {**DOWN, "target_node": "node2"}, "primary node"),
    "OP_BACKUP_REMOVE": ({"instance_name": "saved"}, ABSENT, "Export not found"),
    "OP_CLUSTER_RENAME": ({"name": "x"}, {"name": "cluster"}, "has changed"),
    "OP_CLUSTER_VERIFY": ({}, {"group_name": "absent"}, "not found"),
    "OP_CLUSTER_VERIFY_DISKS": ({}, {"group_name": "absent"}, "not found"),
    "OP_GROUP_VERIFY_DISKS": (GROUP, {"group_name": "absent"}, "not found"),
    "OP_CLUSTER_VERIFY_GROUP": (GROUP, {"group_name": "absent"}, "not found"),
    "OP_CLUSTER_SET_PARAMS": (
        {"beparams": {"vcpus": 3}}, {"ipolicy": {"nonsense": 1}}, "Invalid key"),
    "OP_GROUP_ADD": ({"group_name": "third"}, GROUP, "already exists"),
    "OP_GROUP_ASSIGN_NODES": (
        {**GROUP, "nodes": ["node2"]}, {**GROUP, "nodes": ["absent"]}, "not known"),
    "OP_GROUP_REMOVE": (GROUP, {"group_name": "default"}, "not empty"),
    "OP_GROUP_RENAME": (
        {**GROUP, "new_name": "x"}, {**GROUP, "new_name": "default"}, "clashes"),
    "OP_GROUP_SET_PARAMS": (
        {**GROUP, "alloc_policy": "last_resort"}, {"group_name": "absent"}, "not found"),
    "OP_INSTANCE_ACTIVATE_DISKS": (DOWN, ABSENT, "not known"),
    "OP_INSTANCE_CREATE": (NEW, {**NEW, "instance_name": "up"}, "already in the cluster"),
    "OP_INSTANCE_DEACTIVATE_DISKS": (DOWN, UP, "running"),
    "OP_INSTANCE_FAILOVER": (UP, {**UP, "target_node": "absent"}, "absent"),
    "OP_INSTANCE_GROW_DISK": (
        {**UP, "disk": 0, "amount": 8}, {**UP, "disk": 7, "amount": 8}, "7"),
    "OP_INSTANCE_MIGRATE": (UP, DOWN, "please use failover"),
    "OP_INSTANCE_MOVE": (
        {"instance_name": "filed", "target_node": "node2"},
        {**UP, "target_node": "node2"}, "not suitable for copying"),
    "OP_INSTANCE_NMI": (UP, DOWN, "is not running"),
    "OP_INSTANCE_PASSWORD": (
        {**UP, "user": "root", "password": "x"}, {**DOWN, "user": "root", "password": "x"},
        "is not running"),
    "OP_INSTANCE_PAUSE": (UP, DOWN, "is not running"),
    "OP_INSTANCE_RESUME": (UP, DOWN, "is not suspended"),
    "OP_INSTANCE_SUSPEND": (UP, DOWN, "can't be suspended"),
    "OP_INSTANCE_UNPAUSE": (UP, DOWN, "is not running"),
    "OP_INSTANCE_REBOOT": ({**UP, "reboot_type": "hard"}, ABSENT, "not known"),
    "OP_INSTANCE_RECREATE_DISKS": (DOWN, UP, "cannot recreate"),
    "OP_INSTANCE_REINSTALL": (DOWN, UP, "cannot reinstall"),
    "OP_INSTANCE_REMOVE": (UP, ABSENT, "not known"),
    "OP_INSTANCE_RENAME": ({**DOWN, **OTHER}, {**UP, **OTHER}, "rename"),
    "OP_INSTANCE_SET_PARAMS": (
        {**UP, "beparams": {"vcpus": 2}, "disks": [["add", -1, NEW_DISK]], "hotplug": True},
        {**UP, "disks": [["remove", 7, {}]]}, "7"),
    "OP_INSTANCE_SET_NIC_PORT": (
        {**UP, "nic": "n0", "port": {"mtu": 1400}}, {**UP, "nic": "n7", "port": {}}, "n7"),
    "OP_INSTANCE_SHUTDOWN": (UP, ABSENT, "not known"),
    "OP_INSTANCE_SNAPSHOT": (
        {**UP, "disks": [[0, {"snapshot_name": "s"}]]},
        {**UP, "disks": [[7, {"snapshot_name": "s"}]]}, "7"),
    "OP_INSTANCE_STARTUP": (DOWN, ABSENT, "not known"),
    "OP_NETWORK_ADD": (
        {"network_name": "n2", "network": "10.8.0.0/24"},
        {**NET, "network": "10.8.0.0/24"}, "already exists"),
    "OP_NETWORK_CONNECT": (PLACE, {**PLACE, "group_name": "absent"}, "not found"),
    "OP_NETWORK_DISCONNECT": (
        {**NET, "group_name": "default"}, {**NET, "group_name": "absent"}, "not found"),
    "OP_NETWORK_REMOVE": ({"network_name": "spare"}, NET, "still connected"),
    "OP_NETWORK_RENAME": (
        {"network_name": "spare", "new_name": "x"},
        {"network_name": "spare", "new_name": "net"}, "clashes"),
    "OP_NETWORK_SET_OPTIONS": (
        {**NET, "options": {"mtu": 1400}},
        {"network_name": "absent", "options": {}}, "not found"),
    "OP_NETWORK_SET_PARAMS": (
        {**NET, "add_reserved_ips": ["10.7.0.9"]}, {"network_name": "absent"}, "not found"),
    "OP_NODE_ADD": (
        {"node_name": "node3", "address": ["127.0.0.1", 1], "fingerprint": "0" * 64},
        NODE, "already in the configuration"),
    "OP_NODE_EVACUATE": (
        {"node_name": "node2", "mode": "primary-only"},
        {"node_name": "absent", "mode": "primary-only"}, "not known"),
    "OP_NODE_MIGRATE": ({"node_name": "node1"}, {"node_name": "absent"}, "not known"),
    "OP_NODE_POWERCYCLE": (NODE, {"node_name": "absent"}, "not known"),
    "OP_NODE_REMOVE": (NODE, {"node_name": "node1"}, "master"),
    "OP_NODE_SET_PARAMS": (
        {**NODE, "drained": True}, {"node_name": "node1", "offline": True}, "master"),
    "OP_OOB_COMMAND": (
        {"node_names": ["node2"], "command": "power-cycle"},
        {"node_names": ["absent"], "command": "power-cycle"}, "absent"),
    "OP_ROUTER_ADD": (
        {"router_name": "r", "group_name": "default"}, {"router_name": "r"}, "several node groups"),
    "OP_SECURITY_GROUP_ADD": ({"group_name": "open"}, GUARD, "already exists"),
    "OP_SECURITY_GROUP_REMOVE": (GUARD, {"group_name": "absent"}, "not found"),
    "OP_SECURITY_GROUP_SET_PARAMS": (
        {**GUARD, "rules": [{"direction": "in", "protocol": "tcp", "port_min": 22}]},
        GUARD, "No changes"),
    "OP_TAGS_DEL": ({**TAGS, "tags": ["a-tag"]}, TAGS, "not found"),
    "OP_TAGS_SET": (TAGS, {**TAGS, "tags": ["a b"]}, "invalid"),
}  # fmt: skip
# They fail for no parameters:
ALWAYS: Mapping[str, dict[str, Any]] = {
    "OP_CLUSTER_DEACTIVATE_MASTER_IP": {},
    "OP_CLUSTER_REDIST_CONF": {},
    "OP_CLUSTER_VERIFY_CONFIG": {},
    "OP_CLUSTER_RENEW_CRYPTO": {},
    "OP_INSTANCE_MULTI_ALLOC": {"instances": [NEW]},
}
# They can't be done on this cluster, and why:
IMPOSSIBLE: Mapping[str, tuple[dict[str, Any], str]] = {
    "OP_CLUSTER_ACTIVATE_MASTER_IP": ({}, "The cluster has no address"),
    "OP_CLUSTER_DESTROY": ({}, "There are still 1 node(s)"),
    "OP_ROUTER_MIGRATE": ({"router_name": "r"}, "not found"),
    "OP_ROUTER_REMOVE": ({"router_name": "r"}, "not found"),
    "OP_ROUTER_SET_PARAMS": ({"router_name": "r", "snat": False}, "not found"),
}
# They only tell, or are refused whatever is asked, if only here:
HARMLESS = {
    "OP_BACKUP_PREPARE",
    "OP_INSTANCE_CHANGE_GROUP",
    "OP_INSTANCE_QUERY_DATA",
    "OP_INSTANCE_REPLACE_DISKS",
    "OP_NODE_MODIFY_STORAGE",
    "OP_NODE_QUERY_STORAGE",
    "OP_REPAIR_NODE_STORAGE",
}


class DryRunTests(ManyTestCase):
    """Two nodes with instances of several kinds, a network, a group, an export."""

    async def world(self) -> Client:
        await self.start("node1")
        await self.join("node1", "node2")
        client = self.client("node1")
        for request in (
            ("POST", "/2/networks", {**NET, "network": "10.7.0.0/24"}),
            ("PUT", "/2/networks/net/connect",
             {"group_name": "default", "network_mode": "bridged", "network_link": "br1"}),
            ("POST", "/2/networks", {"network_name": "spare", "network": "10.9.0.0/24"}),
            ("POST", "/2/groups", {"name": "second"}),
            ("POST", "/2/security-groups", GUARD),
            ("POST", "/2/nodes/node2/modify", {"ndparams": {"oob_program": "/bin/true"}}),
            ("POST", "/2/instances",
             create_body("up", pnode="node1", nics=[{"name": "n0", "link": "br1"}])),
            ("POST", "/2/instances", create_body("down", pnode="node1", start=False)),
            ("POST", "/2/instances", self.filed("filed")),
            ("POST", "/2/instances", self.filed("saved")),
            ("PUT", "/2/instances/saved/export", {"mode": "local", "destination": "node1"}),
        ):  # fmt: skip
            job = await client.job(*request)
            self.assertEqual(job["status"], "success", job)
        return client

    def filed(self, name: str) -> dict[str, Any]:
        disks = [{"name": f"d-{name}", "size": 1}]
        return create_body(
            name, pnode="node1", disk_template="file", disks=disks, start=False,
            os_type="image+default",
        )  # fmt: skip

    def everything(self) -> Any:
        """All that an opcode could change."""
        master = self.machines["node1"].master
        assert master is not None
        cluster = master.cluster
        parts = (cluster.facts, cluster.instances, cluster.networks, cluster.members,
                 cluster.groups, cluster.everyone(), cluster.debris, cluster.security_groups,
                 cluster.routers)  # fmt: skip
        files = sorted(
            (str(path), path.stat().st_mtime_ns)
            for place in ("disks", "export", "run", "config-drives")
            for node in ("node1", "node2")
            for path in Path(self.directory / node / place).rglob("*")
            if path.is_file()
        )
        return (
            [dict(part) if isinstance(part, Mapping) else part for part in parts],
            {name: dict(world) for name, world in self.worlds.items()},
            {name: repr(volume) for name, volume in self.blocks.volumes.items()},
            files,
            [path.read_bytes() for path in self.directory.rglob("*.pem")],
        )

    async def tried(self, client: Client, wishes: list[Wish]) -> list[dict[str, Any]]:
        """The jobs of the opcodes with dry_run, all at once, after which all is as it was."""
        master = self.machines["node1"].master
        assert master is not None and master._queue is not None
        before = self.everything()
        orders = [Order(((op_id, {**given, "dry_run": True}),)) for op_id, given in wishes]
        jobs = [await master._queue.submit(order) for order in orders]
        ended = [await client.ended(job) for job in jobs]
        self.assertEqual(self.everything(), before)
        known = [each["id"] for each in (await client.call("GET", "/2/jobs"))[1]]
        self.assertEqual(max(known), jobs[-1], "one of them made another job")
        return ended

    async def over_http(self, client: Client) -> None:
        """Every resource that makes jobs makes those that do nothing, if it is asked so."""
        before = self.everything()
        jobs: dict[int, str] = {}
        amiss: list[Any] = []
        for path, verbs in RESOURCES.items():
            for method, verb in verbs.items():
                given = dict(CASES.get(verb.op_id or "", ({},))[0])
                if not given or method == "GET" or path.endswith("/role"):
                    continue
                place, body = self.request_of(path, given)
                status, job = await client.call(method, f"{place}?dry-run=1", body)
                if status != 200:
                    amiss.append((method, place, body, job))
                else:
                    jobs[job] = f"{method} {place}"
        for job, place in jobs.items():
            ended = await client.ended(job)
            self.assertEqual({op["dry_run"] for op in ended["ops"]}, {True}, place)
        self.assertEqual(amiss, [], "\n".join(map(str, amiss)))
        self.assertEqual(self.everything(), before)
        self.assertGreater(len(jobs), 40)

    def request_of(self, path: str, given: dict[str, Any]) -> tuple[str, Any]:
        """The path with its object's name, and the body of the other parameters."""
        if path.endswith("/tags"):
            return path.replace("{name}", str(given["name"])), given["tags"]
        for key in ("nic", "disk"):
            if f"{{{key}}}" in path or key in path.split("/"):
                path = path.replace(f"{{{key}}}", "0").replace("{id}", "0")
                given.pop(key, None)
        names = ("instance_name", "node_name", "network_name", "router_name", "group_name")
        if "{name}" in path:
            key = next(each for each in names if each in given)
            path = path.replace("{name}", str(given.pop(key)))
        given.pop("reboot_type", None)  # of the query
        if path == "/2/instances":
            given["__version__"] = 1
        return path, given

    def test_every_opcode(self) -> Deferred[None]:
        """What can be done would succeed, what can't be done fails; nothing changes."""
        known = {*CASES, *ALWAYS, *IMPOSSIBLE, *HARMLESS}
        self.assertEqual(known, set(OPCODES), "say above how to try it")

        async def check() -> None:
            client = await self.world()
            right = [(op_id, case[0]) for op_id, case in CASES.items()] + list(ALWAYS.items())
            amiss: list[Any] = []
            for wish, job in zip(right, await self.tried(client, right), strict=True):
                said = "dry-run mode requested" in str(job["oplog"])
                if job["status"] != "success" or not said:
                    amiss.append((wish, job["opresult"]))
            refused = [(op_id, *case[1:]) for op_id, case in CASES.items()]
            refused += [(op_id, *case) for op_id, case in IMPOSSIBLE.items()]
            wrong = [(op_id, given) for op_id, given, _ in refused]
            ended = await self.tried(client, wrong)
            for (op_id, given, words), job in zip(refused, ended, strict=True):
                if job["status"] != "error" or words not in str(job["opresult"]):
                    amiss.append((op_id, given, job["opresult"]))
            self.assertEqual(amiss, [], "\n".join(map(str, amiss)))
            await self.over_http(client)

        return Deferred.fromCoroutine(check())
