"""
Log-in by other providers: OpenID Connect and LDAP.
"""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """
    Nothing yet.
    """
