"""
What the API says of itself, and quotas.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "extensions": Rule.ANY_TOKEN,
    "os-availability-zone:list": Rule.READER,
    "os-availability-zone:detail": Rule.ADMIN,
    "limits": Rule.READER,
    "os-quota-sets:show": Rule.READER,
    "os-quota-sets:detail": Rule.READER,
    "os-quota-sets:defaults": Rule.READER,
    "os-quota-sets:update": Rule.ADMIN,
    "os-quota-sets:delete": Rule.ADMIN,
    "os-quota-class-sets:show": Rule.ADMIN,
    "os-quota-class-sets:update": Rule.ADMIN,
}
