"""
The table of letters.  Times are seconds since the epoch (UTC).
"""

from sqlalchemy import JSON, BigInteger, Column, Integer, String, Table, Text

from synnefo_tx.store.metadata import metadata

# Letters that no mail server has taken yet, and for a while those that none ever will.
mail_queue = Table(
    "mail_queue",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("template", String(64), nullable=False),
    Column("recipient", String(255), nullable=False),
    Column("filling", JSON, nullable=False),  # values of the template; none once given up
    Column("queued_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger),  # when nobody needs it any more
    Column("due_at", BigInteger, index=True),  # of the next try, or a claim's end; given up: none
    Column("claim", String(32)),  # whose try is the last one
    Column("tries", Integer, nullable=False),
    Column("failed_at", BigInteger, index=True),  # given up
    Column("problem", Text),  # why the last try came to nothing
)
