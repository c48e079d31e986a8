"""
Who may call what in the network API.
"""

from synnefo_tx.identity.permissions import Permissions, Rule
from synnefo_tx.identity.token import Token
from synnefo_tx.network.errors import PolicyNotAuthorized

PREFIX = "network:"

PERMISSIONS = {
    "network:discover": Rule.ANY_TOKEN,
    "network:get_network": Rule.READER,
    "network:get_subnet": Rule.READER,
    "network:get_port": Rule.READER,
    "network:get_quota": Rule.READER,
    "network:update_quota": Rule.ADMIN,
    "network:delete_quota": Rule.ADMIN,
    "network:get_extension": Rule.ANY_TOKEN,
    "network:get_availability_zone": Rule.READER,
    # Whoever has a token may try; the answer is a refusal until these calls exist.
    "network:change": Rule.ANY_TOKEN,
}
_allows = Permissions(PERMISSIONS)


def permitted(permission: str, token: Token) -> bool:
    """
    Whether the table allows it to the token.  Raises PolicyNotAuthorized, in Neutron's words, when
    it does not.
    """
    if not _allows(permission, token):
        raise PolicyNotAuthorized(permission.removeprefix(PREFIX))
    return True
