"""
Where ganetid answers otherwise than Ganeti 3.0.2 on purpose, and why.

Patterns of ``method:path``, as compare.py writes them.
"""

from __future__ import annotations

from collections.abc import Mapping

ENTERED = "what Ganeti's own steps enter in an opcode while it runs is not entered here"
PATHS = "only nodes know the files behind disks"
ONE_NODE = "Ganeti asks hail, which finds no node; there is none to choose from here either"

DIFFERENT: Mapping[str, str] = {
    "GetInfo:answer.hvparams.*": "only hypervisors that the node has are told",
    "GetInfo:answer.network_mode": "ours",
    "GetInfo:answer.master_ip": "ours",
    "GetOperatingSystems:answer*": "operating systems here are built in",
    **dict.fromkeys(
        (
            "*:job.ops.*.instance_uuid",
            "*:job.ops.*.node_uuid",
            "*:job.ops.*.node_uuids",
            "*:job.ops.*.pnode_uuid",
            "*:job.ops.*.hypervisor",
            "*:job.ops.*.file_driver",
            "*:job.ops.*.helper_*_timeout",
            "*:job.ops.*.osparams",
            "*:job.ops.*.osparams_*",
            "*:job.ops.*.os_type",
            "*:job.ops.*.debug_level",
            "*:job.ops.*.use_locking",
            "*:job.ops.*.disks.*",
            "*:job.ops.*.nics.*.mac",
            "*:job.ops.*.iallocator",
            "*:job.ops.*.beparams.*",
            "*:job.ops.*.instances.*",
            "*:job.ops.*.target_node_uuid",
            "*:job.ops.*.admin_state_source",
        ),
        ENTERED,
    ),
    "CreateInstance:job.opresult.0.0": "a dry run tells names of nodes, as a real run does",
    "CreateInstance:job.opresult.0.1": "an error without a code is none of Ganeti's own",
    "CreateNetwork:error.*": "host bits in an address are the client's fault, not ours",
    "GetInstanceInfo:job.opresult.*.logical_id.*": PATHS,
    "GetInstanceInfo:job.opresult.*.pstatus": PATHS,
    "ActivateInstanceDisks:job.opresult.*": PATHS,
    "GetInstance:answer.oper_ram": "what a guest was started with is not asked of its hypervisor",
    "GetInstance:answer.oper_vcpus": "as oper_ram",
    "MigrateInstance:job.opresult.*": ONE_NODE,
    "FailoverInstance:job.opresult.*": ONE_NODE,
    "GetNodeStorageUnits:job.opresult.*": "the place is named otherwise",
    "DeleteFilter:error.*": "what is not there is 404",
}
