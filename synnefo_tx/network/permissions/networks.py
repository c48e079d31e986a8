"""
Networks, subnets and ports.
"""

from synnefo_tx.identity.permissions import Rule
from synnefo_tx.network.rules import shapes

_RESOURCES = {"network": shapes.NETWORK, "subnet": shapes.SUBNET, "port": shapes.PORT}

PERMISSIONS = {
    **{f"get_{member}": Rule.READER for member in _RESOURCES},
    **{
        f"{verb}_{member}": Rule.MEMBER
        for member in _RESOURCES
        for verb in ("create", "update", "delete")
    },
    **{f"get_{member}:tags": Rule.READER for member in _RESOURCES},
    **{
        f"{verb}_{member}:tags": Rule.MEMBER
        for member in _RESOURCES
        for verb in ("update", "delete")
    },
    **{
        f"{verb}_{member}:{one.name}": Rule.ADMIN
        for member, attributes in _RESOURCES.items()
        for verb in ("create", "update")
        for one in attributes
        if one.guarded and (one.created if verb == "create" else one.updated)
    },
}
