"""
The resources that the services count, one table a service.

Names and units are Synnefo's where it has them.  There, "total_" ones are hidden; here they carry
the limits that Nova calls cores and ram, so they are shown, and the running ones have no limit
until an administrator sets one.

Source of the defaults: Nova's, Neutron's and Cinder's own, but for those of servers and volumes.
"""

from __future__ import annotations

from attrs import frozen

from synnefo_tx.quota.model import NO_LIMIT

MIB, GIB = 2**20, 2**30

VM = "cyclades.vm"
CPU = "cyclades.cpu"
TOTAL_CPU = "cyclades.total_cpu"
RAM = "cyclades.ram"
TOTAL_RAM = "cyclades.total_ram"
KEYPAIR = "cyclades.keypair"
METADATA_ITEM = "cyclades.metadata_item"
SERVER_GROUP = "cyclades.server_group"
SERVER_GROUP_MEMBER = "cyclades.server_group_member"
NETWORK = "cyclades.network.private"
SUBNET = "cyclades.subnet"
SUBNET_POOL = "cyclades.subnet_pool"
PORT = "cyclades.port"
ROUTER = "cyclades.router"
FLOATING_IP = "cyclades.floating_ip"
SECURITY_GROUP = "cyclades.security_group"
SECURITY_GROUP_RULE = "cyclades.security_group_rule"
RBAC_POLICY = "cyclades.rbac_policy"
DISK = "cyclades.disk"
VOLUME = "cyclades.volume"
LARGEST_VOLUME = "cyclades.largest_volume"
SNAPSHOT = "cyclades.snapshot"
BACKUP = "cyclades.backup"
BACKUP_DISK = "cyclades.backup_disk"
VOLUME_GROUP = "cyclades.volume_group"
DISKSPACE = "pithos.diskspace"
PENDING_APP = "astakos.pending_app"


@frozen
class Resource:
    """
    Something that is counted.  unit: "bytes" or None.  system_default: the limit of a user's
    personal project; project_default: of any other project; both of the project as a whole.
    """

    name: str
    description: str
    project_default: int
    unit: str | None = None
    system_default: int | None = None  # None: the same
    ui_visible: bool = True
    api_visible: bool = True

    @property
    def service(self) -> str:
        """
        Whose it is: "cyclades" of "cyclades.vm".
        """
        return self.name.partition(".")[0]


COMPUTE = (
    Resource(VM, "Servers", 20),
    Resource(CPU, "Processors of running servers", NO_LIMIT),
    Resource(TOTAL_CPU, "Processors of all servers", 40),
    Resource(RAM, "Memory of running servers", NO_LIMIT, "bytes"),
    Resource(TOTAL_RAM, "Memory of all servers", 51200 * MIB, "bytes"),
    Resource(KEYPAIR, "Key pairs of a user", 100, ui_visible=False),
    # Bounds of one thing each, which nothing is ever charged for.
    Resource(METADATA_ITEM, "Metadata of a server", 128, ui_visible=False, api_visible=False),
    Resource(SERVER_GROUP, "Server groups", 10),
    Resource(SERVER_GROUP_MEMBER, "Servers of a group", 10, ui_visible=False, api_visible=False),
)
NETWORKING = (
    Resource(NETWORK, "Networks", 100),
    Resource(SUBNET, "Subnets", 100),
    Resource(SUBNET_POOL, "Subnet pools", NO_LIMIT, ui_visible=False),
    Resource(PORT, "Ports", 500),
    Resource(ROUTER, "Routers", 10),
    Resource(FLOATING_IP, "Floating addresses", 50),
    Resource(SECURITY_GROUP, "Security groups", 10),
    Resource(SECURITY_GROUP_RULE, "Rules of security groups", 100, ui_visible=False),
    Resource(RBAC_POLICY, "Shares of networks", 10, ui_visible=False),
)
VOLUMES = (
    Resource(DISK, "Disks of servers and volumes", 1000 * GIB, "bytes"),
    Resource(VOLUME, "Volumes", 40),
    Resource(
        LARGEST_VOLUME, "Size of a volume", NO_LIMIT, "bytes", ui_visible=False, api_visible=False
    ),
    Resource(SNAPSHOT, "Snapshots", 10),
    Resource(BACKUP, "Backups", 10),
    Resource(BACKUP_DISK, "Space of backups", 1000 * GIB, "bytes"),
    Resource(VOLUME_GROUP, "Groups of volumes", 10, ui_visible=False),
)
OBJECTS = (Resource(DISKSPACE, "Files of images, and objects", 50 * GIB, "bytes"),)
ACCOUNT = (Resource(PENDING_APP, "Pending applications for projects", 0, system_default=3),)

REGISTERED = (*COMPUTE, *NETWORKING, *VOLUMES, *OBJECTS, *ACCOUNT)
