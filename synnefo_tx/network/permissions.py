"""
Who may call what in the network API.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "network:discover": Rule.ANY_TOKEN,
    "network:get_network": Rule.READER,
    "network:get_subnet": Rule.READER,
    "network:get_port": Rule.READER,
    "network:get_quota": Rule.READER,
    "network:get_extension": Rule.ANY_TOKEN,
    "network:get_availability_zone": Rule.READER,
    # Whoever has a token may try; the answer is a refusal until these calls exist.
    "network:change": Rule.ANY_TOKEN,
}
