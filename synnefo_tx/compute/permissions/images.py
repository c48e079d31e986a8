"""
Images as compute shows them.  Nova leaves it to Glance who may; so the image service's rules count
besides.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "images:index": Rule.READER,
    "images:delete": Rule.MEMBER,
    "images:metadata": Rule.MEMBER,
}
