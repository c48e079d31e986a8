"""
What clusters hold of the cloud's networks, security groups and routers.  Times are microseconds
since the epoch (UTC).
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from synnefo_tx.store.metadata import metadata

cluster_things = Table(
    "cluster_things",
    metadata,
    Column("kind", String(32), primary_key=True),  # key in effect/forms.FORMS
    Column("thing_id", String(64), primary_key=True),
    Column("cluster_id", ForeignKey("clusters.id"), primary_key=True),
    Column("state", String(16), nullable=False),  # PENDING ACTIVE ERROR LEAVING
    Column("wanted_revision", Integer, nullable=False),  # raised by every change
    Column("applied_revision", Integer, nullable=False),  # that the cluster is known to have
    Column("task_id", String(36)),  # that brings it about, while it is under way
    Column("message", Text),  # why it is in ERROR
    Column("changed_at", BigInteger, nullable=False),
    Index("ix_cluster_things_cluster_id", "cluster_id", "kind"),
)
