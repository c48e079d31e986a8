"""
Who may call what in the compute API; names are Nova's policies.  Each file beside this has some.
"""

from synnefo_tx.http.parts import merged
from synnefo_tx.identity.permissions import Rule

PREFIX = "os_compute_api:"
PERMISSIONS: dict[str, Rule] = merged(__name__, "PERMISSIONS", PREFIX)
