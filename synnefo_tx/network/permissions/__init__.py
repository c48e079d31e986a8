"""
Who may call what in the network API; names are Neutron's policies.  Each file beside this has some.
"""

from synnefo_tx.http.parts import merged
from synnefo_tx.identity.permissions import Permissions, Rule, Target
from synnefo_tx.identity.token import Token
from synnefo_tx.network.errors import PolicyNotAuthorized

PREFIX = "network:"
PERMISSIONS: dict[str, Rule] = merged(__name__, "PERMISSIONS", PREFIX)
_allows = Permissions(PERMISSIONS)


def permitted(permission: str, token: Token, target: Target | None = None) -> bool:
    """
    Whether the table allows it to the token.  Raises PolicyNotAuthorized, in Neutron's words, when
    it does not.
    """
    if not _allows(permission, token, target):
        action, _, attribute = permission.removeprefix(PREFIX).partition(":")
        if attribute:
            raise PolicyNotAuthorized.of_attribute(action, attribute)
        raise PolicyNotAuthorized(action)
    return True
