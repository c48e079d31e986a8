"""
What was done to servers, as their users are told.  Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from synnefo_tx.store.metadata import metadata

server_actions = Table(
    "server_actions",
    metadata,
    Column("server_id", String(36), primary_key=True),
    Column("request_id", String(64), primary_key=True),
    Column("action", String(64), nullable=False),  # Nova's: create, reboot, confirmResize, ...
    Column("user_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("message", String(255)),
    Column("started_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_server_actions_page", "server_id", "started_at"),
)
server_action_events = Table(
    "server_action_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("server_id", String(36), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("event", String(64), nullable=False),  # Nova's: compute_stop_instance, ...
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("result", String(16)),  # Success or Error
    Column("details", Text),
    Column("host", String(255)),
    Index("ix_server_action_events_of", "server_id", "request_id"),
)
