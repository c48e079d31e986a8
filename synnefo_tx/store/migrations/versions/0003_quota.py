"""
The quotaholder: resources, holdings of users and projects, commissions.

What projects used by Nova's names is moved to Synnefo's, in its units, and charged to the users of
the servers too.  Networks and subnets, which were only counted, are charged to their projects.
"""

from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

MIB, GIB = 2**20, 2**30
Place = tuple[str, str, str]
# the old name to the new one, how many new units an old one is, and the old default limit
MOVED = {
    "instances": ("cyclades.vm", 1, 20),
    "cores": ("cyclades.total_cpu", 1, 40),
    "ram": ("cyclades.total_ram", MIB, 51200),
    "volumes": ("cyclades.volume", 1, 40),
    "gigabytes": ("cyclades.disk", GIB, 1000),
    "ports": ("cyclades.port", 1, 500),
}
RUNNING = {"cores": ("cyclades.cpu", 1), "ram": ("cyclades.ram", MIB)}
COUNTED = {"networks": ("cyclades.network.private", 100), "subnets": ("cyclades.subnet", 100)}


def upgrade() -> None:
    connection = op.get_bind()
    old = connection.execute(
        sa.text('SELECT project_id, resource, "limit", used FROM holdings')
    ).all()
    op.drop_table("holdings")
    _holdings()
    _commissions()
    used, limits = _of_projects(old)
    used += _of_servers(connection)
    used += _of_networks(connection, limits)
    _write(connection, used, limits, old)


def _place() -> list[Any]:
    return [
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
    ]


def _holdings() -> None:
    op.create_table(
        "resources",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("system_default", sa.BigInteger(), nullable=False),
        sa.Column("project_default", sa.BigInteger(), nullable=False),
        sa.Column("ui_visible", sa.Boolean(), nullable=False),
        sa.Column("api_visible", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_resources")),
    )
    for table, numbers in (
        ("quota_limits", ("limit",)),
        ("holdings", ("limit", "usage_min", "usage_max")),
    ):
        op.create_table(
            table,
            *_place(),
            *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
            sa.PrimaryKeyConstraint("holder", "source", "resource", name=op.f(f"pk_{table}")),
        )
        op.create_index(f"ix_{table}_source", table, ["source"], unique=False)


def _commissions() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "commissions",
        sa.Column("serial", number, nullable=False),
        sa.Column("client", sa.String(length=255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_commissions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_commissions_client", "commissions", ["client"], unique=False)
    op.create_table(
        "provisions",
        sa.Column("serial", sa.BigInteger(), autoincrement=False, nullable=False),
        *_place(),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "serial", "holder", "source", "resource", name=op.f("pk_provisions")
        ),
    )
    op.create_index("ix_provisions_holding", "provisions", ["holder", "source", "resource"])
    op.create_table(
        "provision_log",
        sa.Column("id", number, nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("client", sa.String(length=255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("logged_at", sa.BigInteger(), nullable=False),
        *_place(),
        sa.Column("limit", sa.BigInteger(), nullable=False),
        sa.Column("usage_min", sa.BigInteger(), nullable=False),
        sa.Column("usage_max", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provision_log")),
    )
    op.create_index("ix_provision_log_serial", "provision_log", ["serial"], unique=False)
    op.create_index("ix_provision_log_holder", "provision_log", ["holder", "id"], unique=False)


def _of_projects(old: Any) -> tuple[Counter[Place], dict[Place, int]]:
    used: Counter[Place] = Counter()
    limits = {}
    for row in old:
        name, unit, _ = MOVED[row.resource]
        place = (f"project:{row.project_id}", "", name)
        used[place] = row.used * unit
        limits[place] = row.limit * unit if row.limit >= 0 else -1
    return used, limits


def _of_servers(connection: Any) -> Counter[Place]:
    """
    What the users hold, and the running servers; the rows of the servers then say so too.
    """
    servers = sa.table(
        "servers",
        sa.column("id"),
        sa.column("user_id"),
        sa.column("project_id"),
        sa.column("reserved", sa.JSON()),
        sa.column("vm_state"),
        sa.column("power_state"),
    )
    used: Counter[Place] = Counter()
    for row in connection.execute(sa.select(servers)).all():
        if not row.reserved:
            continue
        new = {MOVED[name][0]: amount * MOVED[name][1] for name, amount in row.reserved.items()}
        user, project = f"user:{row.user_id}", f"project:{row.project_id}"
        for name, amount in new.items():
            used[user, project, name] += amount
        if row.vm_state == "building" or row.power_state == 1:
            for old_name, (name, unit) in RUNNING.items():
                new[name] = row.reserved.get(old_name, 0) * unit
                used[user, project, name] += new[name]
                used[project, "", name] += new[name]
        this = sa.update(servers).where(servers.c.id == row.id)
        connection.execute(this.values(reserved=new))
    return used


def _of_networks(connection: Any, limits: dict[Place, int]) -> Counter[Place]:
    used: Counter[Place] = Counter()
    for table, (name, limit) in COUNTED.items():
        rows = connection.execute(
            sa.text(f"SELECT project_id, count(*) AS many FROM {table} GROUP BY project_id")  # noqa: S608 - our names
        )
        for row in rows:
            place = (f"project:{row.project_id}", "", name)
            used[place], limits[place] = row.many, limit
    return used


def _write(connection: Any, used: Counter[Place], limits: dict[Place, int], old: Any) -> None:
    holdings = _table("holdings", "limit", "usage_min", "usage_max")
    for (holder, source, resource), many in _everything(used, limits):
        connection.execute(
            sa.insert(holdings).values(
                holder=holder,
                source=source,
                resource=resource,
                limit=limits.get((holder, source, resource), -1),
                usage_min=many,
                usage_max=many,
            )
        )
    said = _table("quota_limits", "limit")
    for row in old:
        name, unit, default = MOVED[row.resource]
        if row.limit != default:
            limit = row.limit * unit if row.limit >= 0 else -1
            place = {"holder": f"project:{row.project_id}", "source": "", "resource": name}
            connection.execute(sa.insert(said).values(**place, limit=limit))


def _table(name: str, *numbers: str) -> Any:
    columns = ("holder", "source", "resource", *numbers)
    return sa.table(name, *(sa.column(column) for column in columns))


def _everything(used: Counter[Place], limits: dict[Place, int]) -> list[tuple[Place, int]]:
    return [(place, used[place]) for place in sorted(used.keys() | limits.keys())]
