"""
Servers' lives, groups, hosts and the tasks of effects.
"""

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    pass
