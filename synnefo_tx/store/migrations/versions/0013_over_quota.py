"""
Those who use more than a limit allows, of whom a policy is told.  The files of images are charged
to the projects that own them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

USUAL = 50 * 2**30  # bytes
OVER = sa.text('"limit" >= 0 AND usage_max > "limit"')


def upgrade() -> None:
    op.create_table(
        "over_quota",
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("holder", "source", "resource", name=op.f("pk_over_quota")),
    )
    op.create_index(
        "ix_holdings_over",
        "holdings",
        ["holder", "source", "resource"],
        sqlite_where=OVER,
        postgresql_where=OVER,
    )
    _charge_images()


def _charge_images() -> None:
    """
    Limits that somebody has set for files so far are those of the holdings; `quota-verify` finds
    what else may be due to a personal project.
    """
    connection = op.get_bind()
    owners = connection.execute(
        sa.text(
            "SELECT owner, sum(size) AS size FROM images "
            "WHERE size > 0 AND length(owner) BETWEEN 1 AND 64 "
            "AND status IN ('active', 'deactivated') GROUP BY owner"
        )
    ).all()
    for row in owners:
        place = {"holder": f"project:{row.owner}", "name": "pithos.diskspace"}
        more = {**place, "size": int(row.size)}
        added = connection.execute(sa.text(f"UPDATE holdings SET {_ADDED} WHERE {_PLACE}"), more)  # noqa: S608 - our names
        if added.rowcount:
            continue
        said = connection.execute(
            sa.text(f'SELECT "limit" FROM quota_limits WHERE {_PLACE}'),  # noqa: S608 - our names
            place,
        ).scalar()
        connection.execute(
            sa.text(
                'INSERT INTO holdings (holder, source, resource, "limit", usage_min, usage_max) '
                "VALUES (:holder, '', :name, :most, :size, :size)"
            ),
            {**more, "most": USUAL if said is None else said},
        )


_PLACE = "holder = :holder AND source = '' AND resource = :name"
_ADDED = "usage_min = usage_min + :size, usage_max = usage_max + :size"
