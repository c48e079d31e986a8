"""
Fields of nodes.
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
    UNAVAILABLE,
    UNIT,
    Cell,
    Pick,
    Row,
    Told,
    cell,
    table,
)
from ganetid.query.parameter_fields import NDPARAM_PICKS, NDPARAMS

NODE: tuple[Told, ...] = (
    (
        "bootid",
        "BootID",
        TEXT,
        (
            "Random UUID renewed for each system reboot, can be used for detecting reboots by "
            "tracking changes"
        ),
    ),
    ("cnodes", "CNodes", NUMBER, "Number of NUMA domains on node (if exported by hypervisor)"),
    ("cnos", "CNOs", NUMBER, "Number of logical processors used by the node OS (dom0 for Xen)"),
    ("csockets", "CSockets", NUMBER, "Number of physical CPU sockets (if exported by hypervisor)"),
    ("ctime", "CTime", TIMESTAMP, "Creation timestamp"),
    ("ctotal", "CTotal", NUMBER, "Number of logical processors"),
    ("custom_ndparams", "CustomNodeParameters", OTHER, "Custom node parameters"),
    ("dfree", "DFree", UNIT, "Available storage space on storage unit"),
    ("disk_state", "DiskState", OTHER, "Disk state"),
    ("drained", "Drained", BOOL, "Whether node is drained"),
    ("dtotal", "DTotal", UNIT, "Total storage space on storage unit for instance disk allocation"),
    ("group", "Group", TEXT, "Node group"),
    ("group.uuid", "GroupUUID", TEXT, "UUID of node group"),
    ("hv_state", "HypervisorState", OTHER, "Hypervisor state"),
    ("master", "IsMaster", BOOL, "Whether node is master"),
    ("master_candidate", "MasterC", BOOL, "Whether node is a master candidate"),
    ("master_capable", "MasterCapable", BOOL, "Whether node can become a master candidate"),
    ("mfree", "MFree", UNIT, "Memory available for instance allocations"),
    ("mnode", "MNode", UNIT, "Amount of memory used by node (dom0 for Xen)"),
    ("mtime", "MTime", TIMESTAMP, "Modification timestamp"),
    ("mtotal", "MTotal", UNIT, "Total amount of memory of physical machine"),
    ("name", "Node", TEXT, "Node name"),
    ("ndparams", "NodeParameters", OTHER, "Merged node parameters"),
    ("offline", "Offline", BOOL, "Whether node is marked offline"),
    ("pinst_cnt", "Pinst", NUMBER, "Number of instances with this node as primary"),
    ("pinst_list", "PriInstances", OTHER, "List of instances with this node as primary"),
    ("pip", "PrimaryIP", TEXT, "Primary IP address"),
    ("powered", "Powered", BOOL, "Whether node is thought to be powered on"),
    (
        "role",
        "Role",
        TEXT,
        (
            'Node role; "M" for master, "C" for master candidate, "R" for regular, "D" for '
            'drained, "O" for offline'
        ),
    ),
    (
        "serial_no",
        "SerialNo",
        NUMBER,
        "Node object serial number, incremented on each modification",
    ),
    ("sinst_cnt", "Sinst", NUMBER, "Number of instances with this node as secondary"),
    ("sinst_list", "SecInstances", OTHER, "List of instances with this node as secondary"),
    ("sip", "SecondaryIP", TEXT, "Secondary IP address"),
    ("spfree", "SpFree", NUMBER, "Available spindles in volume group (exclusive storage only)"),
    ("sptotal", "SpTotal", NUMBER, "Total spindles in volume group (exclusive storage only)"),
    ("tags", "Tags", OTHER, "Tags"),
    ("uuid", "UUID", TEXT, "Node UUID"),
    ("vm_capable", "VMCapable", BOOL, "Whether node can host instances"),
)

# What a node itself tells: of one that is offline nobody knows.
LIVE = (
    "bootid", "cnodes", "cnos", "csockets", "ctotal", "dfree", "dtotal", "mfree", "mnode", "mtotal",
    "spfree", "sptotal",
)  # fmt: skip
OF_VOLUME_GROUPS = frozenset({"spfree", "sptotal"})


def _live(name: str) -> Pick:
    missing = NO_DATA if name in OF_VOLUME_GROUPS else UNAVAILABLE

    def pick(row: Row) -> Cell:
        return (OFFLINE, None) if row.get("offline") else cell(row.get(name), missing)

    return pick


TABLE = table(
    (*NODE, *NDPARAMS),
    {
        **NDPARAM_PICKS,
        **{name: _live(name) for name in LIVE},
        "master": lambda row: (NORMAL, row["role"] == "M"),
        "custom_ndparams": lambda row: (NORMAL, row.get("custom_ndparams") or {}),
    },
)
