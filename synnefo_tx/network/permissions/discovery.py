"""
What the API says of itself, and quotas.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "discover": Rule.ANY_TOKEN,
    "get_extension": Rule.ANY_TOKEN,
    "get_availability_zone": Rule.READER,
    "get_network_ip_availability": Rule.ADMIN,
    "get_agent": Rule.ADMIN,
    "get_service_provider": Rule.READER,
    "get_quota": Rule.READER,
    "update_quota": Rule.ADMIN,
    "delete_quota": Rule.ADMIN,
}
