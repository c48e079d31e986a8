"""
Fields of instances.
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
    counted,
    item,
    parameter,
    table,
)
from ganetid.query.parameter_fields import BEPARAM_PICKS, BEPARAMS, HVPARAM_PICKS, HVPARAMS


def _ordinal(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")


MAX_DISKS = 16
MAX_NICS = 8

INSTANCE: tuple[Told, ...] = (
    ("admin_state", "InstanceState", TEXT, "Desired state of instance"),
    (
        "admin_state_source",
        "InstanceStateSource",
        TEXT,
        "Who last changed the desired state of the instance",
    ),
    ("admin_up", "Autostart", BOOL, "Desired state of instance"),
    ("beparams", "BackendParameters", OTHER, "Backend parameters (merged)"),
    ("bridge", "NicBridge/0", TEXT, "Bridge of 1st network interface"),
    ("console", "Console", OTHER, "Instance console information"),
    ("ctime", "CTime", TIMESTAMP, "Creation timestamp"),
    ("custom_beparams", "CustomBackendParameters", OTHER, "Custom backend parameters"),
    ("custom_hvparams", "CustomHypervisorParameters", OTHER, "Custom hypervisor parameters"),
    ("custom_nicparams", "CustomNicParameters", OTHER, "Custom network interface parameters"),
    ("custom_osparams", "CustomOpSysParameters", OTHER, "Custom operating system parameters"),
    ("disk.count", "Disks", NUMBER, "Number of disks"),
    ("disk.names", "Disk_names", OTHER, "List of disk names"),
    ("disk.sizes", "Disk_sizes", OTHER, "List of disk sizes"),
    ("disk.spindles", "Disk_spindles", OTHER, "List of disk spindles"),
    ("disk.uuids", "Disk_UUIDs", OTHER, "List of disk UUIDs"),
    ("disk_template", "Disk_template", TEXT, "Instance disk template"),
    (
        "disk_usage",
        "DiskUsage",
        UNIT,
        (
            "Total disk space used by instance on each of its nodes; this is not the disk "
            "size visible to the instance, but the usage on the node"
        ),
    ),
    ("disks_active", "DisksActive", BOOL, "Desired state of instance disks"),
    ("forthcoming", "Forthcoming", BOOL, "whether the Instance is forthcoming"),
    ("hvparams", "HypervisorParameters", OTHER, "Hypervisor parameters (merged)"),
    ("hypervisor", "Hypervisor", TEXT, "Hypervisor name"),
    ("ip", "NicIP/0", TEXT, "IP address of 1st network interface"),
    ("mac", "NicMAC/0", TEXT, "MAC address of 1st network interface"),
    ("mtime", "MTime", TIMESTAMP, "Modification timestamp"),
    ("name", "Instance", TEXT, "Instance name"),
    (
        "network_port",
        "Network_port",
        OTHER,
        "Instance network port if available (e.g. for VNC console)",
    ),
    ("nic.bridges", "NIC_bridges", OTHER, "List containing each network interface's bridge"),
    ("nic.count", "NICs", NUMBER, "Number of network interfaces"),
    ("nic.ips", "NIC_IPs", OTHER, "List containing each network interface's IP address"),
    ("nic.links", "NIC_links", OTHER, "List containing each network interface's link"),
    ("nic.macs", "NIC_MACs", OTHER, "List containing each network interface's MAC address"),
    ("nic.modes", "NIC_modes", OTHER, "List containing each network interface's mode"),
    ("nic.names", "NIC_Names", OTHER, "List containing each network interface's name"),
    ("nic.networks", "NIC_networks", OTHER, "List containing each interface's network"),
    (
        "nic.networks.names",
        "NIC_networks_names",
        OTHER,
        "List containing the name of each interface's network",
    ),
    ("nic.uuids", "NIC_UUIDs", OTHER, "List containing each network interface's UUID"),
    ("nic.vlans", "NIC_VLANs", OTHER, "List containing each network interface's VLAN"),
    ("nic_link", "NicLink/0", TEXT, "Link of 1st network interface"),
    ("nic_mode", "NicMode/0", TEXT, "Mode of 1st network interface"),
    ("nic_network", "NicNetwork/0", TEXT, "Network of 1st network interface"),
    ("oper_ram", "Memory", UNIT, "Actual memory usage as seen by hypervisor"),
    ("oper_state", "Running", BOOL, "Actual state of instance"),
    ("oper_vcpus", "VCPUs", NUMBER, "Actual number of VCPUs as seen by hypervisor"),
    ("os", "OS", TEXT, "Operating system"),
    ("osparams", "OpSysParameters", OTHER, "Operating system parameters (merged)"),
    ("pnode", "Primary_node", TEXT, "Primary node"),
    ("pnode.group", "PrimaryNodeGroup", TEXT, "Primary node's group"),
    ("pnode.group.uuid", "PrimaryNodeGroupUUID", TEXT, "Primary node's group UUID"),
    ("sda_size", "Disk/0", UNIT, "Disk size of 1st disk"),
    ("sdb_size", "Disk/1", UNIT, "Disk size of 2nd disk"),
    (
        "serial_no",
        "SerialNo",
        NUMBER,
        "Instance object serial number, incremented on each modification",
    ),
    ("snodes", "Secondary_Nodes", OTHER, "Secondary nodes; usually this will just be one node"),
    ("snodes.group", "SecondaryNodesGroups", OTHER, "Node groups of secondary nodes"),
    ("snodes.group.uuid", "SecondaryNodesGroupsUUID", OTHER, "Node group UUIDs of secondary nodes"),
    (
        "status",
        "Status",
        TEXT,
        (
            'Instance status; "running" if instance is set to be running and actually is, '
            '"ADMIN_down" if instance is stopped and is not running, "ERROR_wrongnode" if '
            'instance running, but not on its designated primary node, "ERROR_up" if instance '
            'should be stopped, but is actually running, "ERROR_down" if instance should run, '
            "but doesn't, \"ERROR_nodedown\" if instance's primary node is down, "
            '"ERROR_nodeoffline" if instance\'s primary node is marked offline, '
            '"ADMIN_offline" if instance is offline and does not use dynamic resources'
        ),
    ),
    ("tags", "Tags", OTHER, "Tags"),
    ("uuid", "UUID", TEXT, "Instance UUID"),
    ("vcpus", "ConfigVCPUs", NUMBER, 'The "vcpus" backend parameter'),
)

# field, the list it is an element of, title, kind, description
DISKS = (
    ("disk.name", "disk.names", "DiskName", TEXT, "Name"),
    ("disk.size", "disk.sizes", "Disk", UNIT, "Disk size"),
    ("disk.spindles", "disk.spindles", "DiskSpindles", NUMBER, "Spindles"),
    ("disk.uuid", "disk.uuids", "DiskUUID", TEXT, "UUID"),
)
NICS = (
    ("nic.bridge", "nic.bridges", "NicBridge", TEXT, "Bridge"),
    ("nic.ip", "nic.ips", "NicIP", TEXT, "IP address"),
    ("nic.link", "nic.links", "NicLink", TEXT, "Link"),
    ("nic.mac", "nic.macs", "NicMAC", TEXT, "MAC address"),
    ("nic.mode", "nic.modes", "NicMode", TEXT, "Mode"),
    ("nic.name", "nic.names", "NicName", TEXT, "Name address"),
    ("nic.network", "nic.networks", "NicNetwork", TEXT, "Network"),
    ("nic.network.name", "nic.networks.names", "NicNetworkName", TEXT, "Network name"),
    ("nic.uuid", "nic.uuids", "NicUUID", TEXT, "UUID address"),
    ("nic.vlan", "nic.vlans", "NicVLAN", TEXT, "VLAN"),
)
ELEMENTS: tuple[Told, ...] = tuple(
    (f"{name}/{index}", f"{title}/{index}", kind, f"{doc} of {_ordinal(index + 1)} {thing}")
    for family, count, thing in (
        (DISKS, MAX_DISKS, "disk"),
        (NICS, MAX_NICS, "network interface"),
    )
    for name, _, title, kind, doc in family
    for index in range(count)
)
ELEMENT_PICKS = {
    f"{name}/{index}": item(values, index)
    for family, count in ((DISKS, MAX_DISKS), (NICS, MAX_NICS))
    for name, values, *_ in family
    for index in range(count)
}


def _of_node(name: str, missing: int = UNAVAILABLE) -> Pick:
    """What the instance's node tells: of one that is offline nobody knows."""

    def pick(row: Row) -> Cell:
        return (OFFLINE, None) if row.get("pnode_offline") else cell(row.get(name), missing)

    return pick


def _beparams(row: Row) -> Cell:
    return NORMAL, {name: value for name, value in row["beparams"].items() if name != "memory"}


def _vlans(row: Row) -> Cell:
    return NORMAL, row.get("nic.vlans") or [None for _ in row["nic.macs"]]


def _mapping(name: str) -> Pick:
    return lambda row: (NORMAL, row.get(name) or {})


SPECIAL: dict[str, Pick] = {
    "admin_up": lambda row: (NORMAL, row["admin_state"] == "up"),
    "beparams": _beparams,
    "bridge": item("nic.bridges", 0),
    "console": _of_node("console"),
    "custom_osparams": _mapping("custom_osparams"),
    "disk.count": counted("disk.sizes"),
    "ip": item("nic.ips", 0),
    "mac": item("nic.macs", 0),
    "nic.count": counted("nic.macs"),
    "nic.vlans": _vlans,
    "nic_link": item("nic.links", 0),
    "nic_mode": item("nic.modes", 0),
    "nic_network": item("nic.networks", 0),
    "oper_ram": _of_node("oper_ram"),
    "oper_state": lambda row: cell(
        None if row.get("pnode_offline") else row.get("oper_state"), NO_DATA
    ),
    "oper_vcpus": _of_node("oper_vcpus"),
    "osparams": _mapping("osparams"),
    "sda_size": item("disk.sizes", 0),
    "sdb_size": item("disk.sizes", 1),
    "snodes.group": lambda row: (NORMAL, row.get("snodes.group") or []),
    "snodes.group.uuid": lambda row: (NORMAL, row.get("snodes.group.uuid") or []),
    "vcpus": parameter("beparams", "vcpus"),
}

TABLE = table(
    (*INSTANCE, *BEPARAMS, *HVPARAMS, *ELEMENTS),
    {**BEPARAM_PICKS, **HVPARAM_PICKS, **ELEMENT_PICKS, **SPECIAL},
)
