"""
Who may call what in the image service; names are Glance's policies.  Each file beside this has
some.

Ownership and visibility are looked at with the image's row, in the same transaction.
"""

from synnefo_tx.http.parts import merged
from synnefo_tx.identity.permissions import Rule

PERMISSIONS: dict[str, Rule] = merged(__name__, "PERMISSIONS")
