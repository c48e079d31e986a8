"""
Networks, subnets, ports, subnet pools, address scopes and RBAC policies.
"""

from synnefo_tx.identity.permissions import Rule
from synnefo_tx.network.rules import shapes
from synnefo_tx.network.rules.address_scopes import ADDRESS_SCOPE
from synnefo_tx.network.rules.rbac import RBAC_POLICY
from synnefo_tx.network.rules.subnet_pools import SUBNET_POOL

_TAGGED = {
    "network": shapes.NETWORK,
    "subnet": shapes.SUBNET,
    "port": shapes.PORT,
    "subnetpool": SUBNET_POOL,
}
_RESOURCES = {**_TAGGED, "address_scope": ADDRESS_SCOPE, "rbac_policy": RBAC_POLICY}

PERMISSIONS = {
    **{f"get_{member}": Rule.READER for member in _RESOURCES},
    **{
        f"{verb}_{member}": Rule.MEMBER
        for member in _RESOURCES
        for verb in ("create", "update", "delete")
    },
    **{f"get_{member}:tags": Rule.READER for member in _TAGGED},
    **{f"{verb}_{member}:tags": Rule.MEMBER for member in _TAGGED for verb in ("update", "delete")},
    **{
        f"{verb}_{member}:{one.name}": Rule.ADMIN
        for member, attributes in _RESOURCES.items()
        for verb in ("create", "update")
        for one in attributes
        if one.guarded and (one.created if verb == "create" else one.updated)
    },
}
