"""
Networks as Nova once told them.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "os-tenant-networks:list": Rule.READER,
    "os-tenant-networks:show": Rule.READER,
}
