"""
What is counted, what each project and user may use and uses, and what is asked for.

Limits of -1 are none.  Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, text

from synnefo_tx.store.metadata import metadata

# Written out, so that both kinds of database see that the index serves the question.
IS_OVER = text('"limit" >= 0 AND usage_max > "limit"')
_NAMES = ("holder", "source", "resource")


def _place() -> tuple[Column[str], ...]:
    """
    The names of a holding, see quota/model.py.
    """
    return (
        Column("holder", String(80), primary_key=True),
        Column("source", String(80), primary_key=True),
        Column("resource", String(64), primary_key=True),
    )


resources = Table(
    "resources",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("service", String(64), nullable=False),
    Column("unit", String(16)),
    Column("description", Text, nullable=False),
    Column("system_default", BigInteger, nullable=False),  # of a personal project
    Column("project_default", BigInteger, nullable=False),
    Column("ui_visible", Boolean, nullable=False),
    Column("api_visible", Boolean, nullable=False),
)
# What somebody has decided; the default holds for all others.  ("project:p", "") is a project's own
# limit, ("user:u", "project:p") a member's, ("", "project:p") that of all its other members.
quota_limits = Table(
    "quota_limits",
    metadata,
    *_place(),
    Column("limit", BigInteger, nullable=False),
    Index("ix_quota_limits_source", "source"),
)
holdings = Table(
    "holdings",
    metadata,
    *_place(),
    Column("limit", BigInteger, nullable=False),
    Column("usage_min", BigInteger, nullable=False),  # if all that is pending were refused ...
    Column("usage_max", BigInteger, nullable=False),  # ... or granted; of releases the opposite
    Index("ix_holdings_source", "source"),
    # Few, and asked for every half a minute.
    Index("ix_holdings_over", *_NAMES, sqlite_where=IS_OVER, postgresql_where=IS_OVER),
)
# Those above their limits of whom the site's policy was told, see quota/over.py.
over_quota = Table("over_quota", metadata, *_place(), Column("told_at", BigInteger, nullable=False))
commissions = Table(
    "commissions",
    metadata,
    # SQLite counts by itself only in an INTEGER
    Column("serial", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("client", String(255), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,  # a resolved one's number never comes back
)
provisions = Table(
    "provisions",
    metadata,
    Column("serial", BigInteger, primary_key=True, autoincrement=False),
    *_place(),
    Column("quantity", BigInteger, nullable=False),
    Index("ix_provisions_holding", "holder", "source", "resource"),
)
provision_log = Table(
    "provision_log",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("serial", BigInteger, nullable=False, index=True),
    Column("client", String(255), nullable=False),
    Column("name", Text, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("logged_at", BigInteger, nullable=False),
    Column("holder", String(80), nullable=False),
    Column("source", String(80), nullable=False),
    Column("resource", String(64), nullable=False),
    Column("limit", BigInteger, nullable=False),
    Column("usage_min", BigInteger, nullable=False),
    Column("usage_max", BigInteger, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("reason", String(128), nullable=False),  # ACCEPT:... or REJECT:...
    Index("ix_provision_log_holder", "holder", "id"),
)
