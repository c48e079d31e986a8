"""
Networks in full, and what clusters hold of them.
"""

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    pass
