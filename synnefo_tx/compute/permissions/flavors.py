"""
Flavors.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "flavors": Rule.READER,
    "os-flavor-manage:create": Rule.ADMIN,
    "os-flavor-manage:delete": Rule.ADMIN,
    "os-flavor-extra-specs:index": Rule.READER,
}
