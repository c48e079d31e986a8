"""
The quotaholder: resources, holdings, commissions.
"""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """
    Nothing yet.
    """
