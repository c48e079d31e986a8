"""
The parameters of OP_INSTANCE_CREATE.
"""

from __future__ import annotations

from ganetid.opcodes.definition import REQUIRED, Field
from ganetid.opcodes.fields import (
    anything,
    boolean,
    dict_of,
    disk_parameters,
    disk_template,
    hypervisor,
    integer,
    list_of,
    list_of_text,
    mapping,
    nic_parameters,
    not_negative,
    one_of,
    optional,
    string,
    text,
)

SHUTDOWN_TIMEOUT_S = 120

FIELDS = (
    Field("instance_name", text, REQUIRED),
    Field("force_variant", boolean, False),
    Field("wait_for_sync", boolean, True),
    Field("name_check", boolean, True),
    Field("ip_check", boolean, True),
    Field("ignore_ipolicy", boolean, False),
    Field("opportunistic_locking", boolean, False),
    Field("beparams", mapping, {}),
    Field("disks", list_of(disk_parameters), REQUIRED),
    Field("disk_template", optional(disk_template)),
    Field("group_name", optional(text)),
    Field("file_driver", optional(one_of("blktap2", "loop", "blktap"))),
    Field("file_storage_dir", optional(text)),
    Field("hvparams", mapping, {}),
    Field("hypervisor", optional(hypervisor)),
    Field("iallocator", optional(text)),
    Field("identify_defaults", boolean, False),
    Field("conflicts_check", boolean, True),
    Field("mode", one_of("create", "import", "remote-import"), REQUIRED),
    Field("nics", list_of(nic_parameters), REQUIRED),
    Field("no_install", optional(boolean)),
    Field("osparams", mapping, {}),
    Field("osparams_private", optional(dict_of(anything)), {}),
    Field("osparams_secret", optional(dict_of(anything)), {}),
    Field("os_type", optional(text)),
    Field("pnode", optional(text)),
    Field("pnode_uuid", optional(text)),
    Field("snode", optional(text)),
    Field("snode_uuid", optional(text)),
    Field("source_handshake", optional(list_of(anything))),
    Field("source_instance_name", optional(text)),
    Field("source_shutdown_timeout", not_negative, SHUTDOWN_TIMEOUT_S),
    Field("source_x509_ca", optional(text)),
    Field("src_node", optional(text)),
    Field("src_node_uuid", optional(text)),
    Field("src_path", optional(text)),
    Field("compress", string, "none"),
    Field("start", boolean, True),
    Field("forthcoming", boolean, False),
    Field("commit", boolean, False),
    Field("tags", list_of_text, []),
    Field("instance_communication", boolean, False),
    Field("helper_startup_timeout", optional(integer)),
    Field("helper_shutdown_timeout", optional(integer)),
)
