"""
All opcodes, by name.
"""

from __future__ import annotations

from collections.abc import Mapping

from ganetid.opcodes import (
    backup,
    cluster_address,
    cluster_crypto,
    cluster_life,
    cluster_modify,
    cluster_redistribute,
    cluster_verify,
    group_change,
    instance_change_group,
    instance_create,
    instance_disks,
    instance_migrate,
    instance_modify,
    instance_move,
    instance_multi_alloc,
    instance_pause,
    instance_power,
    instance_query,
    instance_reinstall,
    instance_remove,
    instance_rename,
    network_change,
    network_connect,
    network_groups,
    network_options,
    network_port,
    network_routers,
    node_evacuate,
    node_membership,
    node_set_params,
    power,
    storage_units,
    tags,
    verify_config,
    verify_disks,
    verify_group,
)
from ganetid.opcodes.definition import Opcode

OPCODES: Mapping[str, Opcode] = {
    opcode.op_id: opcode
    for family in (
        backup,
        cluster_address,
        cluster_crypto,
        cluster_life,
        cluster_modify,
        cluster_redistribute,
        cluster_verify,
        group_change,
        instance_change_group,
        instance_create,
        instance_disks,
        instance_modify,
        instance_multi_alloc,
        instance_pause,
        instance_power,
        instance_query,
        instance_reinstall,
        instance_remove,
        instance_rename,
        network_change,
        network_connect,
        network_groups,
        network_options,
        network_port,
        network_routers,
        node_membership,
        node_set_params,
        instance_migrate,
        instance_move,
        node_evacuate,
        power,
        storage_units,
        tags,
        verify_config,
        verify_disks,
        verify_group,
    )
    for opcode in family.OPCODES
}
