"""
Who may call what in the volume API; names are Cinder's policies.  Each file beside this has some.
"""

from synnefo_tx.http.parts import merged
from synnefo_tx.identity.permissions import Rule

PERMISSIONS: dict[str, Rule] = merged(__name__, "PERMISSIONS")
