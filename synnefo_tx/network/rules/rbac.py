"""
The attributes of RBAC policies.  Pure.
"""

from __future__ import annotations

from synnefo_tx.network.rules import values
from synnefo_tx.network.rules.attributes import REQUIRED, Attribute, attribute

RBAC_POLICY: tuple[Attribute, ...] = (
    attribute("object_type", values.one_of("network"), REQUIRED, updated=False),
    attribute("object_id", values.uuid, REQUIRED, updated=False),
    attribute(
        "action",
        values.one_of("access_as_shared", "access_as_external"),
        REQUIRED,
        updated=False,
    ),
    attribute("target_tenant", values.text(64), column="target"),
    attribute("target_project", values.text(64), column="target"),
)
