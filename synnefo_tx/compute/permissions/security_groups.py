"""
Security groups of servers.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "os-security-groups:list": Rule.READER,
    "os-security-groups:add": Rule.MEMBER,
    "os-security-groups:remove": Rule.MEMBER,
}
