"""
Servers' lives, groups, hosts and the tasks of effects.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    _flavors()
    _server_life()
    _server_actions()
    _tasks()
    op.add_column("clusters", sa.Column("node_groups", sa.JSON))


def _flavors() -> None:
    for column in (
        sa.Column("swap_mib", sa.Integer, nullable=False, server_default="0"),
        sa.Column("ephemeral_gib", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rxtx_factor", sa.Float, nullable=False, server_default="1"),
    ):
        op.add_column("flavors", column)
    op.create_table(
        "flavor_access",
        sa.Column("flavor_id", sa.String(255), primary_key=True),
        sa.Column("project_id", sa.String(64), primary_key=True),
    )


def _server_life() -> None:
    op.add_column("clusters", sa.Column("console_url", sa.String(255)))
    for column in (
        sa.Column("locked_by", sa.String(8)),
        sa.Column("locked_reason", sa.String(255)),
        sa.Column("node", sa.String(255)),
        sa.Column("resize", sa.JSON),
        sa.Column("rescue", sa.JSON),
        sa.Column("shelve", sa.JSON),
        sa.Column("soft_deleted_at", sa.BigInteger),
        sa.Column("password", sa.Text),
    ):
        op.add_column("servers", column)


def _server_actions() -> None:
    op.create_table(
        "server_actions",
        sa.Column("server_id", sa.String(36), primary_key=True),
        sa.Column("request_id", sa.String(64), primary_key=True),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("message", sa.String(255)),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_server_actions_page", "server_actions", ["server_id", "started_at"])
    op.create_table(
        "server_action_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("result", sa.String(16)),
        sa.Column("details", sa.Text),
        sa.Column("host", sa.String(255)),
    )
    op.create_index(
        "ix_server_action_events_of", "server_action_events", ["server_id", "request_id"]
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(48), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("steps", sa.JSON, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("context", sa.JSON, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("effect_id", sa.String(36)),
        sa.Column("cluster_id", sa.String(64)),
        sa.Column("job_id", sa.BigInteger),
        sa.Column("message", sa.Text),
        sa.Column("request_id", sa.String(64)),
        sa.Column("user_id", sa.String(64)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("ix_tasks_effect_id", "tasks", ["effect_id"])
    op.create_index("ix_tasks_job", "tasks", ["cluster_id", "job_id"])
    op.create_index("ix_tasks_target", "tasks", ["target", "state"])
    with op.batch_alter_table("effects") as effects:
        effects.add_column(sa.Column("task_id", sa.String(36)))
        effects.alter_column("kind", existing_type=sa.String(32), type_=sa.String(48))
    # Nobody waits for what was under way: its news tell how servers are all the same.
    op.execute("UPDATE servers SET task_state = NULL WHERE task_state <> 'deleting'")
    with op.batch_alter_table("servers") as servers:
        servers.drop_column("task_effect_id")
