"""
The feed of events, webhooks, heartbeats and runs of reconciliation.
"""

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    pass
