"""
Key pairs.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "os-keypairs:index": Rule.READER,
    "os-keypairs:show": Rule.READER,
    "os-keypairs:create": Rule.MEMBER,
    "os-keypairs:delete": Rule.MEMBER,
}
