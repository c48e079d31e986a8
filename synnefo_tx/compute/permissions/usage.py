"""
What projects' servers have used.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "os-simple-tenant-usage:list": Rule.ADMIN,
    "os-simple-tenant-usage:show": Rule.READER,
}
