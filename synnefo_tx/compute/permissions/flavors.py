"""
Flavors.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "flavors": Rule.READER,
    "os-flavor-manage:create": Rule.ADMIN,
    "os-flavor-manage:delete": Rule.ADMIN,
    "os-flavor-manage:update": Rule.ADMIN,
    "os-flavor-extra-specs:index": Rule.READER,
    "os-flavor-extra-specs:show": Rule.READER,
    "os-flavor-extra-specs:create": Rule.ADMIN,
    "os-flavor-extra-specs:update": Rule.ADMIN,
    "os-flavor-extra-specs:delete": Rule.ADMIN,
    "os-flavor-access": Rule.ADMIN,
    "os-flavor-access:add_tenant_access": Rule.ADMIN,
    "os-flavor-access:remove_tenant_access": Rule.ADMIN,
}
