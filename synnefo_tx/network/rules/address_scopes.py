"""
The attributes of address scopes.  Pure.
"""

from __future__ import annotations

from synnefo_tx.network.rules import values
from synnefo_tx.network.rules.attributes import REQUIRED, Attribute, attribute

ADDRESS_SCOPE: tuple[Attribute, ...] = (
    attribute("name", values.text(), ""),
    attribute("ip_version", values.ip_version, REQUIRED, updated=False),
    attribute("shared", values.boolean, False, guarded=True),
)
