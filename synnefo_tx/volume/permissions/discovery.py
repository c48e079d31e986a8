"""
What the API says of itself, and quotas.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "volume:versions": Rule.ANY_TOKEN,
    "limits_extension:used_limits": Rule.READER,
    "volume_extension:quotas:show": Rule.READER,
    "volume_extension:quotas:update": Rule.ADMIN,
    "volume_extension:quotas:delete": Rule.ADMIN,
    "volume_extension:quota_classes:get": Rule.ADMIN,
    "volume_extension:quota_classes:update": Rule.ADMIN,
}
