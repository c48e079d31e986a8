"""
Fields of jobs, locks, filters, exports, groups and networks.
"""

from __future__ import annotations

from ganetid.query.fields import (
    BOOL,
    NO_DATA,
    NORMAL,
    NUMBER,
    OFFLINE,
    OTHER,
    TEXT,
    TIMESTAMP,
    Cell,
    Row,
    Told,
    counted,
    table,
)
from ganetid.query.parameter_fields import NDPARAM_PICKS, NDPARAMS

JOB: tuple[Told, ...] = (
    ("archived", "Archived", BOOL, "Whether job is archived"),
    ("end_ts", "End", OTHER, "Timestamp of job end (tuple containing seconds and microseconds)"),
    ("id", "ID", NUMBER, "Job ID"),
    ("opend", "OpCode_end", OTHER, "List of opcode execution end timestamps"),
    (
        "opexec",
        "OpCode_exec",
        OTHER,
        "List of opcode execution start timestamps (after acquiring locks)",
    ),
    ("oplog", "OpCode_log", OTHER, "List of opcode output logs"),
    ("oppriority", "OpCode_prio", OTHER, "List of opcode priorities"),
    ("opresult", "OpCode_result", OTHER, "List of opcodes results"),
    ("ops", "OpCodes", OTHER, "List of all opcodes"),
    ("opstart", "OpCode_start", OTHER, "List of opcode start timestamps (before acquiring locks)"),
    ("opstatus", "OpCode_status", OTHER, "List of opcodes status"),
    ("priority", "Priority", NUMBER, "Current job priority (19 to -20)"),
    (
        "received_ts",
        "Received",
        OTHER,
        "Timestamp of when job was received (tuple containing seconds and microseconds)",
    ),
    (
        "start_ts",
        "Start",
        OTHER,
        "Timestamp of job start (tuple containing seconds and microseconds)",
    ),
    ("status", "Status", TEXT, "Job status"),
    ("summary", "Summary", OTHER, "List of per-opcode summaries"),
)

LOCK: tuple[Told, ...] = (
    ("mode", "Mode", OTHER, "Mode in which the lock is currently acquired (exclusive or shared)"),
    ("name", "Name", OTHER, "Lock name"),
    ("owner", "Owner", OTHER, "Current lock owner(s)"),
    ("pending", "Pending", OTHER, "Jobs waiting for the lock"),
)

FILTER: tuple[Told, ...] = (
    ("action", "Action", OTHER, "Filter action"),
    ("predicates", "Predicates", OTHER, "List of filter predicates"),
    ("priority", "Priority", OTHER, "Filter priority"),
    ("reason_trail", "ReasonTrail", OTHER, "Reason why this filter was added"),
    ("uuid", "UUID", OTHER, "Filter ID"),
    ("watermark", "Watermark", OTHER, "Highest job ID used at the time when the filter was added"),
)

EXPORT: tuple[Told, ...] = (
    ("export", "Export", TEXT, "Export name"),
    ("node", "Node", TEXT, "Node name"),
)

GROUP: tuple[Told, ...] = (
    ("alloc_policy", "AllocPolicy", TEXT, "Allocation policy for group"),
    ("ctime", "CTime", TIMESTAMP, "Creation timestamp"),
    ("custom_diskparams", "CustomDiskParameters", OTHER, "Custom disk parameters"),
    ("custom_ipolicy", "CustomInstancePolicy", OTHER, "Custom instance policy limitations"),
    ("custom_ndparams", "CustomNDParams", OTHER, "Custom node parameters"),
    ("diskparams", "DiskParameters", OTHER, "Disk parameters (merged)"),
    ("ipolicy", "InstancePolicy", OTHER, "Instance policy limitations (merged)"),
    ("mtime", "MTime", TIMESTAMP, "Modification timestamp"),
    ("name", "Group", TEXT, "Group name"),
    ("ndparams", "NDParams", OTHER, "Node parameters"),
    ("node_cnt", "Nodes", NUMBER, "Number of nodes"),
    ("node_list", "NodeList", OTHER, "List of nodes"),
    ("pinst_cnt", "Instances", NUMBER, "Number of primary instances"),
    ("pinst_list", "InstanceList", OTHER, "List of primary instances"),
    (
        "serial_no",
        "SerialNo",
        NUMBER,
        "Group object serial number, incremented on each modification",
    ),
    ("tags", "Tags", OTHER, "Tags"),
    ("uuid", "UUID", TEXT, "Group UUID"),
)

NETWORK: tuple[Told, ...] = (
    ("ctime", "CTime", TIMESTAMP, "Creation timestamp"),
    ("external_reservations", "ExternalReservations", TEXT, "External reservations"),
    ("free_count", "FreeCount", NUMBER, "Number of available addresses"),
    ("gateway", "Gateway", OTHER, "IPv4 gateway"),
    ("gateway6", "IPv6Gateway", OTHER, "IPv6 gateway"),
    ("group_cnt", "NodeGroups", NUMBER, "Number of nodegroups"),
    ("group_list", "GroupList", OTHER, "List of nodegroups (group name, NIC mode, NIC link)"),
    ("inst_cnt", "Instances", NUMBER, "Number of instances"),
    ("inst_list", "InstanceList", OTHER, "List of instances"),
    ("mac_prefix", "MacPrefix", OTHER, "MAC address prefix"),
    ("map", "Map", TEXT, "Actual mapping"),
    ("mtime", "MTime", TIMESTAMP, "Modification timestamp"),
    ("name", "Network", TEXT, "Name"),
    ("network", "Subnet", TEXT, "IPv4 subnet"),
    ("network6", "IPv6Subnet", OTHER, "IPv6 subnet"),
    ("reserved_count", "ReservedCount", NUMBER, "Number of reserved addresses"),
    (
        "serial_no",
        "SerialNo",
        NUMBER,
        "Network object serial number, incremented on each modification",
    ),
    ("tags", "Tags", OTHER, "Tags"),
    ("uuid", "UUID", TEXT, "Network UUID"),
)


def _exports(row: Row) -> Cell:
    """The export; a node without any has a row too."""
    if row.get("offline"):
        return OFFLINE, None
    return (NO_DATA, None) if row["export"] is None else (NORMAL, row["export"])


TABLES = {
    "job": table(JOB),
    "lock": table(LOCK, {"mode": lambda row: (NORMAL, row["mode"])}),
    "filter": table(FILTER),
    "export": table(EXPORT, {"export": _exports}),
    "group": table((*GROUP, *NDPARAMS), NDPARAM_PICKS),
    "network": table(
        NETWORK, {"group_cnt": counted("group_list"), "inst_cnt": counted("inst_list")}
    ),
}
