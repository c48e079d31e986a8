"""
All opcodes, by name.
"""

from __future__ import annotations

from collections.abc import Mapping

from ganetid.opcodes import (
    instance_create,
    instance_power,
    instance_query,
    instance_remove,
    networks,
    tags,
)
from ganetid.opcodes.definition import Opcode

OPCODES: Mapping[str, Opcode] = {
    opcode.op_id: opcode
    for family in (
        instance_create,
        instance_power,
        instance_query,
        instance_remove,
        networks,
        tags,
    )
    for opcode in family.OPCODES
}
