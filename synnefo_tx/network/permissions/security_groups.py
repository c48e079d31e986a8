"""
Security groups and their rules.
"""

from synnefo_tx.identity.permissions import Rule

_MEMBERS = ("security_group", "security_group_rule")

PERMISSIONS = {
    **{f"get_{member}": Rule.READER for member in _MEMBERS},
    **{
        f"{verb}_{member}": Rule.MEMBER
        for member in _MEMBERS
        for verb in ("create", "update", "delete")
    },
    "get_security_group:tags": Rule.READER,
    "update_security_group:tags": Rule.MEMBER,
    "delete_security_group:tags": Rule.MEMBER,
}
