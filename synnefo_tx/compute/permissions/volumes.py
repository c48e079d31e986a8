"""
Volumes and snapshots by Nova's names.
"""

from synnefo_tx.identity.permissions import Rule

_KINDS = ("os-volumes", "os-volumes:snapshots")
PERMISSIONS = {
    f"{kind}:{name}": rule
    for kind in _KINDS
    for name, rule in (
        ("list", Rule.READER),
        ("detail", Rule.READER),
        ("show", Rule.READER),
        ("create", Rule.MEMBER),
        ("delete", Rule.MEMBER),
    )
}
