"""
Tasks of the effect path.  Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Text

from synnefo_tx.store.metadata import metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(48), nullable=False),  # server.resize, volume.attach, network.apply, ...
    Column("target", String(64), nullable=False),  # id of what it is about
    Column("steps", JSON, nullable=False),  # [{wish, undo}]
    Column("step", Integer, nullable=False),  # the one that is under way
    Column("context", JSON, nullable=False),  # for its ends
    Column("state", String(8), nullable=False),  # going, undoing, done, failed
    Column("effect_id", String(36)),  # of the step under way
    Column("cluster_id", String(64)),  # that the step under way was sent to
    Column("job_id", BigInteger),  # what the cluster calls it
    Column("message", Text),  # why it failed
    Column("request_id", String(64)),
    Column("user_id", String(64)),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("ix_tasks_effect_id", "effect_id"),
    Index("ix_tasks_job", "cluster_id", "job_id"),
    Index("ix_tasks_target", "target", "state"),
)
