"""
Networks, subnets and ports.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "get_network": Rule.READER,
    "get_subnet": Rule.READER,
    "get_port": Rule.READER,
    # Whoever has a token may try; the answer is a refusal until these calls exist.
    "change": Rule.ANY_TOKEN,
}
