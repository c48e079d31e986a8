"""
Who may follow what happens.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {"events:follow": Rule.READER}
