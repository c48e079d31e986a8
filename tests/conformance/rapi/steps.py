"""
The calls that are made of Ganeti's client, in order: every one of its methods at least once.

The cluster has one node, node1, hypervisor fake, disk templates file and diskless.
Only the standard library is used here: Debian's own Python runs it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

WEB = "web1.example.com"
DB = "db1.example.com"
NET = "net1"
NO_CHECKS = {"ip_check": False, "name_check": False}
NIC = {"network": NET, "ip": "pool"}
IPOLICY = {
    "minmax": [
        {
            "min": {"memory-size": 4, "cpu-count": 1, "disk-count": 0, "disk-size": 0,
                    "nic-count": 0, "spindle-use": 0},
            "max": {"memory-size": 32768, "cpu-count": 8, "disk-count": 16,
                    "disk-size": 1048576, "nic-count": 8, "spindle-use": 12},
        }
    ],
    "std": {"memory-size": 128, "cpu-count": 1, "disk-count": 1, "disk-size": 1024,
            "nic-count": 1, "spindle-use": 1},
    "spindle-ratio": 32.0,
    "vcpu-ratio": 4.0,
    "disk-templates": ["file", "diskless"],
}  # fmt: skip
INSTANCE_FIELDS = ["name", "admin_state", "status", "disk.sizes", "be/vcpus", "tags", "snodes"]


class Step(NamedTuple):
    """
    A call.  is_job: its answer is a job's id, and the job is waited for.

    live: what of its answer can't be the same twice: paths in it, see compare.py.
    """

    method: str
    arguments: tuple[Any, ...] = ()
    named: dict[str, Any] = {}
    is_job: bool = False
    live: tuple[str, ...] = ()


def read(method: str, *arguments: Any, live: tuple[str, ...] = (), **named: Any) -> Step:
    """A call that reads."""
    return Step(method, arguments, named, live=live)


def job(method: str, *arguments: Any, live: tuple[str, ...] = (), **named: Any) -> Step:
    """A call that makes a job."""
    return Step(method, arguments, named, is_job=True, live=live)


def tagged(kind: str, *name: str) -> tuple[Step, ...]:
    """Tags of an object: set, read, taken away; an unknown one too."""
    get, add, delete = f"Get{kind}Tags", f"Add{kind}Tags", f"Delete{kind}Tags"
    return (
        read(get, *name),
        job(add, *name, ["one", "two:2"], dry_run=True),
        read(get, *name),
        job(add, *name, ["one", "two:2"]),
        job(add, *name, ["not a tag"]),
        read(get, *name),
        job(delete, *name, ["one"]),
        job(delete, *name, ["one"]),
        read(get, *name),
        job(delete, *name, ["two:2"], reason="tidy up"),
    )


CLUSTER = (
    read("GetVersion"),
    read("GetFeatures"),
    read("GetOperatingSystems"),
    job("ModifyCluster", ipolicy=IPOLICY, enabled_disk_templates=["file", "diskless"],
        candidate_pool_size=1, mac_prefix="aa:00:00", nicparams={"mode": "bridged", "link": "gnt0"},
        beparams={"vcpus": 1, "minmem": 128, "maxmem": 128}, enabled_user_shutdown=False),
    read("GetInfo"),
    job("ModifyCluster", ndparams={"spindle_count": 2, "nonsense": 1}),
    job("ModifyCluster", beparams={"vcpus": "many"}),
    job("ModifyCluster", ipolicy={"nonsense": 1}),
    job("ModifyCluster", ipolicy={"vcpu-ratio": "x"}),
    job("ModifyCluster", nonsense=1),
    job("ModifyCluster", compression_tools=["gzip"]),
    job("ModifyCluster", max_running_jobs=0),
    job("ModifyCluster", ndparams={"spindle_count": 3}, max_running_jobs=21,
        hidden_os=[["add", "ghost"]], diskparams={"plain": {"stripes": 2}}),
    read("GetInfo"),
    job("ModifyCluster", ndparams={"spindle_count": 1}, max_running_jobs=20,
        hidden_os=[["remove", "ghost"]], diskparams={"plain": {"stripes": 1}}),
    job("RedistributeConfig"),
    *tagged("Cluster"),
)  # fmt: skip

GROUPS = (
    read("GetGroups"),
    read("GetGroups", bulk=True),
    read("GetGroup", "default"),
    read("GetGroup", "absent"),
    job("CreateGroup", "second", dry_run=True),
    job("CreateGroup", "second", alloc_policy="last_resort"),
    job("CreateGroup", "second"),
    job("CreateGroup", "third", alloc_policy="whatever"),
    read("GetGroup", "second"),
    job("ModifyGroup", "second", alloc_policy="unallocable"),
    job("ModifyGroup", "second", ndparams={"spindle_count": 7}),
    job("ModifyGroup", "second", ndparams={"spindle_count": "default"}),
    job("ModifyGroup", "second", ipolicy={"vcpu-ratio": 2.5}),
    job("ModifyGroup", "second", ipolicy={"std": {"cpu-count": 1}}),
    job("ModifyGroup", "second", diskparams={"plain": {"stripes": 4}}),
    job("ModifyGroup", "second"),
    job("ModifyGroup", "absent", alloc_policy="preferred"),
    read("GetGroup", "second"),
    job("AssignGroupNodes", "second", ["node1"], dry_run=True),
    job("AssignGroupNodes", "second", ["node1"]),
    read("GetGroup", "second"),
    job("AssignGroupNodes", "default", ["node1"], force=True),
    job("AssignGroupNodes", "default", ["absent"]),
    job("RenameGroup", "second", "third"),
    job("RenameGroup", "third", "default"),
    job("RenameGroup", "absent", "other"),
    *tagged("Group", "third"),
    job("DeleteGroup", "default"),
    job("DeleteGroup", "third", dry_run=True),
    job("DeleteGroup", "third"),
    job("DeleteGroup", "third"),
)

NETWORKS = (
    read("GetNetworks"),
    job("CreateNetwork", NET, "10.9.0.0/28", gateway="10.9.0.1"),
    job("CreateNetwork", NET, "10.9.0.0/28", gateway="10.9.0.1", tags="blue", dry_run=True),
    job("CreateNetwork", NET, "10.9.0.0/28", gateway="10.9.0.1", mac_prefix="aa:bb:cc",
        add_reserved_ips="10.9.0.14", tags="blue"),
    job("CreateNetwork", NET, "10.9.0.0/28", tags="blue"),
    job("CreateNetwork", "wide", "10.0.0.0/8", tags="blue"),
    job("CreateNetwork", "narrow", "10.9.0.1/31", tags="blue"),
    job("CreateNetwork", "bad", "10.9.0.300", tags="blue"),
    job("CreateNetwork", "outside", "10.9.1.0/28", gateway="10.9.2.1", tags="blue"),
    read("GetNetworks"),
    read("GetNetworks", bulk=True),
    read("GetNetwork", NET),
    read("GetNetwork", "absent"),
    job("ModifyNetwork", NET, add_reserved_ips=["10.9.0.5"]),
    job("ModifyNetwork", NET, remove_reserved_ips=["10.9.0.5"]),
    job("ModifyNetwork", NET, add_reserved_ips=["10.9.0.6"], gateway="10.9.0.2"),
    job("ModifyNetwork", NET, gateway="10.9.0.14"),
    job("ModifyNetwork", NET, network6="2001:db8::/64", gateway6="2001:db8::1"),
    job("ModifyNetwork", NET, mac_prefix="none"),
    job("ModifyNetwork", NET, nonsense=1),
    read("GetNetwork", NET),
    job("ConnectNetwork", NET, "default", "bridged", "gnt0", dry_run=True),
    job("ConnectNetwork", NET, "default", "bridged", "gnt0"),
    job("ConnectNetwork", NET, "default", "bridged", "gnt0"),
    job("ConnectNetwork", NET, "absent", "bridged", "gnt0"),
    job("ConnectNetwork", "absent", "default", "bridged", "gnt0"),
    job("ConnectNetwork", NET, "default", "nonsense", "gnt0"),
    job("DeleteNetwork", NET),
    read("GetNetwork", NET),
    *tagged("Network", NET),
)  # fmt: skip

NODES = (
    read("GetNodes"),
    read("GetNodes", bulk=True),
    read("GetNode", "node1"),
    read("GetNode", "absent"),
    read("GetNodeRole", "node1"),
    job("SetNodeRole", "node1", "regular"),
    job("SetNodeRole", "node1", "offline"),
    job("SetNodeRole", "node1", "nonsense"),
    job("SetNodeRole", "node1", "drained", auto_promote=True),
    job("ModifyNode", "node1", ndparams={"spindle_count": 5}),
    job("ModifyNode", "node1", nonsense=1),
    job("ModifyNode", "node1"),
    job("ModifyNode", "absent", ndparams={}),
    read("GetNode", "node1"),
    job("ModifyNode", "node1", ndparams={"spindle_count": "default"}),
    job("GetNodeStorageUnits", "node1", "file", "name,size,used,free,allocatable",
        live=("job.opresult.0.*",)),
    job("GetNodeStorageUnits", "node1", "nonsense", "name"),
    job("ModifyNodeStorageUnits", "node1", "file", "x", allocatable=True),
    job("RepairNodeStorageUnits", "node1", "file", "x"),
    job("PowercycleNode", "absent"),
    job("EvacuateNode", "node1", iallocator="hail", mode="secondary-only"),
    job("MigrateNode", "node1", mode="live"),
    *tagged("Node", "node1"),
)  # fmt: skip

INSTANCES = (
    read("GetInstances"),
    job("CreateInstance", "create", WEB, "file", [{"size": 64}], [{}], os="dummy+default",
        pnode="node1", dry_run=True, **NO_CHECKS),
    job("CreateInstance", "create", WEB, "file", [{"size": 64}], [NIC], os="dummy+default",
        pnode="node1", beparams={"memory": 256, "vcpus": 2}, tags=["web"], **NO_CHECKS),
    job("CreateInstance", "create", WEB, "file", [{"size": 64}], [{}], os="dummy+default",
        pnode="node1", **NO_CHECKS),
    job("CreateInstance", "create", DB, "file", [{"size": 64}], [{"ip": "pool"}],
        os="dummy+default", pnode="node1", **NO_CHECKS),
    job("CreateInstance", "create", DB, "file", [{}], [], os="dummy+default", pnode="node1",
        **NO_CHECKS),
    job("CreateInstance", "create", DB, "plain", [{"size": 64}], [], os="dummy+default",
        pnode="node1", **NO_CHECKS),
    job("CreateInstance", "create", DB, "file", [{"size": 64}], [], os="dummy+default",
        pnode="absent", **NO_CHECKS),
    job("CreateInstance", "create", DB, "file", [{"size": 64}], [], os="dummy+default",
        pnode="node1", beparams={"memory": 1000000}, **NO_CHECKS),
    job("CreateInstance", "create", DB, "file", [{"size": 64}], [], os="dummy+default",
        pnode="node1", beparams={"nonsense": 1}, **NO_CHECKS),
    job("CreateInstance", "create", DB, "file", [{"size": 64}], [], os="dummy+default",
        pnode="node1", beparams={"vcpus": "many"}, **NO_CHECKS),
    job("CreateInstance", "create", DB, "file", [{"size": 64}],
        [{"network": NET, "ip": "10.9.0.14"}], os="dummy+default", pnode="node1", **NO_CHECKS),
    job("CreateInstance", "create", DB, "file", [{"size": 64}], [{"network": "absent"}],
        os="dummy+default", pnode="node1", **NO_CHECKS),
    job("CreateInstance", "create", DB, "file", [{"size": 64}], [{"mac": "nonsense"}],
        os="dummy+default", pnode="node1", **NO_CHECKS),
    job("CreateInstance", "create", DB, "file", [{"size": 64}], [], os="dummy+default",
        pnode="node1", hypervisor="xen-pvm", **NO_CHECKS),
    job("CreateInstance", "whatever", DB, "file", [], []),
    job("CreateInstance", "create", DB, "diskless", [], [{}], os="dummy+default", pnode="node1",
        start=False, **NO_CHECKS),
    read("GetInstances"),
    read("GetInstances", bulk=True),
    read("GetInstance", WEB),
    read("GetInstance", DB),
    read("GetInstance", "absent"),
    read("GetNetwork", NET),
    job("GetInstanceInfo", WEB),
    job("GetInstanceInfo", DB, static=True),
    job("GetInstanceInfo", "absent"),
    read("GetInstanceConsole", WEB),
    read("GetInstanceConsole", DB),
    read("Query", "instance", INSTANCE_FIELDS),
    read("Query", "instance", ["name", "admin_state"], ["=", "admin_state", "up"]),
    read("Query", "node", ["name", "role", "pinst_cnt"]),
    read("Query", "group", ["name", "node_cnt", "nonsense"]),
    read("QueryFields", "instance", ["name", "status"]),
    read("QueryFields", "group"),
    *tagged("Instance", WEB),
    job("AddInstanceTags", "absent", ["x"]),
)  # fmt: skip

ACTIONS = (
    job("ModifyInstance", WEB, beparams={"vcpus": 3}),
    job("ModifyInstance", WEB, beparams={"vcpus": "default", "memory": 192}),
    job("ModifyInstance", WEB, beparams={"nonsense": 1}),
    job("ModifyInstance", WEB),
    job("ModifyInstance", WEB, nonsense=1),
    job("ModifyInstance", WEB, nics=[["add", -1, {"network": NET, "ip": "10.9.0.9"}]],
        live=("job.opresult.0.0.1",)),
    job("ModifyInstance", WEB, nics=[["modify", 1, {"ip": "10.9.0.10"}]]),
    job("ModifyInstance", WEB, nics=[["modify", 7, {"ip": "10.9.0.10"}]]),
    job("ModifyInstance", WEB, nics=[["modify", 0, {"network": NET, "link": "gnt0"}]]),
    job("ModifyInstance", WEB, nics=[["add", {}], ["add", {}]]),
    job("ModifyInstance", WEB, nics=[["remove", -1, {}]]),
    job("ModifyInstance", WEB, nics=[["remove", 0, {"ip": "x"}]]),
    job("ModifyInstance", WEB, disks=[["add", -1, {"size": 32}]]),
    job("ModifyInstance", WEB, disks=[["add", -1, {}]]),
    job("ModifyInstance", WEB, disks=[["modify", 1, {"mode": "ro"}]]),
    job("ModifyInstance", WEB, disks=[["modify", 1, {"size": 48}]]),
    job("ModifyInstance", WEB, disks=[["remove", 1, {}]]),
    job("ModifyInstance", WEB, offline=True),
    read("GetInstance", WEB),
    job("GrowInstanceDisk", WEB, 0, 16, wait_for_sync=False),
    job("GrowInstanceDisk", WEB, 5, 16),
    job("GrowInstanceDisk", DB, 0, 16),
    read("GetInstance", WEB),
    job("RebootInstance", WEB),
    job("RebootInstance", WEB, reboot_type="soft", ignore_secondaries=False),
    job("RebootInstance", WEB, reboot_type="nonsense"),
    job("RenameInstance", WEB, "web2.example.com", **NO_CHECKS),
    job("ShutdownInstance", WEB, dry_run=True),
    job("ShutdownInstance", WEB, timeout=5, reason="maintenance"),
    read("GetInstanceConsole", WEB),
    job("ShutdownInstance", WEB),
    job("ShutdownInstance", WEB, nonsense=1),
    job("ActivateInstanceDisks", WEB, ignore_size=True, live=("job.opresult.0.0.2",)),
    job("DeactivateInstanceDisks", WEB),
    job("RecreateInstanceDisks", DB),
    job("RecreateInstanceDisks", WEB, disks=[7]),
    job("ReplaceInstanceDisks", WEB, mode="replace_on_primary"),
    job("ReplaceInstanceDisks", WEB, mode="nonsense"),
    job("ModifyInstance", WEB, offline=True),
    read("GetInstance", WEB),
    job("StartupInstance", WEB),
    job("ModifyInstance", WEB, offline=False),
    job("RenameInstance", WEB, "web2.example.com", **NO_CHECKS),
    job("RenameInstance", "web2.example.com", DB, **NO_CHECKS),
    job("RenameInstance", "web2.example.com", WEB, **NO_CHECKS),
    job("StartupInstance", WEB, dry_run=True),
    job("StartupInstance", WEB, no_remember=True),
    read("GetInstance", WEB),
    job("StartupInstance", WEB),
    job("StartupInstance", WEB),
    job("ReinstallInstance", WEB, os="dummy+default"),
    job("ReinstallInstance", WEB, no_startup=True),
    job("ReinstallInstance", "absent"),
    job("MigrateInstance", DB, mode="live"),
    job("MigrateInstance", "absent"),
    job("FailoverInstance", DB, ignore_consistency=False),
    job("PrepareExport", WEB, "local"),
    job("PrepareExport", WEB, "nonsense"),
    job("ExportInstance", WEB, "local", "node1", shutdown=True),
    job("ExportInstance", "absent", "local", "node1"),
)  # fmt: skip

LAST = (
    job("AddFilter", 5, [["jobid", [">", "id", "watermark"]]], "CONTINUE"),
    read("GetFilters"),
    read("GetFilters", bulk=True),
    read("GetFilter", "00000000-0000-0000-0000-000000000000"),
    read("ReplaceFilter", "11111111-2222-3333-4444-555555555555", 7,
         [["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]]], "PAUSE"),
    read("GetFilter", "11111111-2222-3333-4444-555555555555"),
    read("DeleteFilter", "11111111-2222-3333-4444-555555555555"),
    read("DeleteFilter", "11111111-2222-3333-4444-555555555555"),
    job("DisconnectNetwork", NET, "default"),
    job("DeleteInstance", WEB, dry_run=True),
    job("DeleteInstance", WEB, shutdown_timeout=1),
    job("DeleteInstance", WEB),
    job("DeleteInstance", DB),
    job("DisconnectNetwork", NET, "default", dry_run=True),
    job("DisconnectNetwork", NET, "default"),
    job("DisconnectNetwork", NET, "default"),
    job("DeleteNetwork", NET, dry_run=True),
    job("DeleteNetwork", NET),
    job("DeleteNetwork", NET),
    read("GetInstances"),
    read("GetNetworks"),
)  # fmt: skip

STEPS: tuple[Step, ...] = (
    *CLUSTER, *GROUPS, *NETWORKS, *NODES, *INSTANCES, *ACTIONS, *LAST,
)  # fmt: skip
# Called by the driver in a way of its own: with ids of jobs, or with each other's answers.
DRIVEN = (
    "GetJobs", "GetJobStatus", "WaitForJobCompletion", "WaitForJobChange", "CancelJob",
    "InstanceAllocation", "InstancesMultiAlloc",
)  # fmt: skip
