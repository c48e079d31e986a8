"""
Identity, whole: groups, inherited roles, delegation, the catalog in the database; the audit log.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _accounts()
    _catalog()
    _delegation()
    _move_assignments()
    _change()


def _accounts() -> None:
    op.create_table(
        "project_tags",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name=op.f("pk_project_tags")),
    )
    op.create_index("ix_project_tags_name", "project_tags", ["name"], unique=False)
    op.create_table(
        "groups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("domain_id", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_groups_domain_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("domain_id", "name", name=op.f("uq_groups_domain_id")),
    )
    op.create_table(
        "group_members",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_group_members_group_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_group_members_user_id")),
        sa.PrimaryKeyConstraint("user_id", "group_id", name=op.f("pk_group_members")),
    )
    op.create_index("ix_group_members_group_id", "group_members", ["group_id"], unique=False)
    op.create_table(
        "old_passwords",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_old_passwords_user_id")),
        sa.PrimaryKeyConstraint("user_id", "serial", name=op.f("pk_old_passwords")),
    )
    op.create_table(
        "implied_roles",
        sa.Column("prior_role_id", sa.String(length=64), nullable=False),
        sa.Column("implied_role_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["implied_role_id"], ["roles.id"], name=op.f("fk_implied_roles_implied_role_id")
        ),
        sa.ForeignKeyConstraint(
            ["prior_role_id"], ["roles.id"], name=op.f("fk_implied_roles_prior_role_id")
        ),
        sa.PrimaryKeyConstraint("prior_role_id", "implied_role_id", name=op.f("pk_implied_roles")),
    )
    op.create_index(
        "ix_implied_roles_implied_role_id", "implied_roles", ["implied_role_id"], unique=False
    )
    op.create_table(
        "role_assignments",
        sa.Column("actor_kind", sa.String(length=8), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("target_kind", sa.String(length=8), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=False),
        sa.Column("role_id", sa.String(length=64), nullable=False),
        sa.Column("inherited", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"], ["roles.id"], name=op.f("fk_role_assignments_role_id")
        ),
        sa.PrimaryKeyConstraint(
            "actor_kind",
            "actor_id",
            "target_kind",
            "target_id",
            "role_id",
            "inherited",
            name=op.f("pk_role_assignments"),
        ),
    )
    op.create_index("ix_role_assignments_role_id", "role_assignments", ["role_id"], unique=False)
    op.create_index(
        "ix_role_assignments_target", "role_assignments", ["target_kind", "target_id"], unique=False
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=128), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("target_kind", sa.String(length=32), nullable=False),
        sa.Column("target_id", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(
        "ix_audit_log_target", "audit_log", ["target_kind", "target_id", "id"], unique=False
    )
    op.create_index("ix_audit_log_user", "audit_log", ["user_id", "id"], unique=False)


def _catalog() -> None:
    op.create_table(
        "regions",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("parent_region_id", sa.String(length=255), nullable=True),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_region_id"], ["regions.id"], name=op.f("fk_regions_parent_region_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regions")),
    )
    op.create_index("ix_regions_parent_region_id", "regions", ["parent_region_id"], unique=False)
    op.create_table(
        "services",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
    )
    op.create_index("ix_services_type", "services", ["type"], unique=False)
    op.create_table(
        "endpoints",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("service_id", sa.String(length=64), nullable=False),
        sa.Column("region_id", sa.String(length=255), nullable=True),
        sa.Column("interface", sa.String(length=8), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_endpoints_region_id")),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_endpoints_service_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoints")),
    )
    op.create_index("ix_endpoints_region_id", "endpoints", ["region_id"], unique=False)
    op.create_index("ix_endpoints_service_id", "endpoints", ["service_id"], unique=False)
    op.create_table(
        "registered_limits",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("service_id", sa.String(length=64), nullable=False),
        sa.Column("region_id", sa.String(length=255), server_default="", nullable=False),
        sa.Column("resource_name", sa.String(length=255), nullable=False),
        sa.Column("default_limit", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_registered_limits_service_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_limits")),
        sa.UniqueConstraint(
            "service_id", "region_id", "resource_name", name=op.f("uq_registered_limits_service_id")
        ),
    )
    op.create_index(
        "ix_registered_limits_service_id", "registered_limits", ["service_id"], unique=False
    )
    op.create_table(
        "limits",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("registered_limit_id", sa.String(length=64), nullable=False),
        sa.Column("holder_kind", sa.String(length=8), nullable=False),
        sa.Column("holder_id", sa.String(length=64), nullable=False),
        sa.Column("resource_limit", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["registered_limit_id"],
            ["registered_limits.id"],
            name=op.f("fk_limits_registered_limit_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limits")),
        sa.UniqueConstraint(
            "holder_kind", "holder_id", "registered_limit_id", name=op.f("uq_limits_holder_kind")
        ),
    )
    op.create_index(
        "ix_limits_registered_limit_id", "limits", ["registered_limit_id"], unique=False
    )
    op.create_table(
        "policies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("blob", sa.JSON(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
    )
    op.create_table(
        "oauth1_consumers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth1_consumers")),
    )
    op.create_table(
        "endpoint_groups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoint_groups")),
    )
    op.create_table(
        "project_endpoint_groups",
        sa.Column("endpoint_group_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_group_id"],
            ["endpoint_groups.id"],
            name=op.f("fk_project_endpoint_groups_endpoint_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_project_endpoint_groups_project_id")
        ),
        sa.PrimaryKeyConstraint(
            "endpoint_group_id", "project_id", name=op.f("pk_project_endpoint_groups")
        ),
    )
    op.create_index(
        "ix_project_endpoint_groups_project_id",
        "project_endpoint_groups",
        ["project_id"],
        unique=False,
    )
    op.create_table(
        "project_endpoints",
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoints.id"], name=op.f("fk_project_endpoints_endpoint_id")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_project_endpoints_project_id")
        ),
        sa.PrimaryKeyConstraint("endpoint_id", "project_id", name=op.f("pk_project_endpoints")),
    )
    op.create_index(
        "ix_project_endpoints_project_id", "project_endpoints", ["project_id"], unique=False
    )
    op.create_table(
        "domain_options",
        sa.Column("domain_id", sa.String(length=64), nullable=False),
        sa.Column("group", sa.String(length=255), nullable=False),
        sa.Column("option", sa.String(length=255), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["domains.id"], name=op.f("fk_domain_options_domain_id")
        ),
        sa.PrimaryKeyConstraint("domain_id", "group", "option", name=op.f("pk_domain_options")),
    )


def _delegation() -> None:
    op.create_table(
        "trusts",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("trustor_user_id", sa.String(length=64), nullable=False),
        sa.Column("trustee_user_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=True),
        sa.Column("impersonation", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("remaining_uses", sa.Integer(), nullable=True),
        sa.Column("redelegated_trust_id", sa.String(length=64), nullable=True),
        sa.Column("redelegation_count", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_trusts_project_id")),
        sa.ForeignKeyConstraint(
            ["trustee_user_id"], ["users.id"], name=op.f("fk_trusts_trustee_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["trustor_user_id"], ["users.id"], name=op.f("fk_trusts_trustor_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusts")),
    )
    op.create_index("ix_trusts_project_id", "trusts", ["project_id"], unique=False)
    op.create_index(
        "ix_trusts_redelegated_trust_id", "trusts", ["redelegated_trust_id"], unique=False
    )
    op.create_index("ix_trusts_trustee_user_id", "trusts", ["trustee_user_id"], unique=False)
    op.create_index("ix_trusts_trustor_user_id", "trusts", ["trustor_user_id"], unique=False)
    op.create_table(
        "trust_roles",
        sa.Column("trust_id", sa.String(length=64), nullable=False),
        sa.Column("role_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_trust_roles_role_id")),
        sa.ForeignKeyConstraint(["trust_id"], ["trusts.id"], name=op.f("fk_trust_roles_trust_id")),
        sa.PrimaryKeyConstraint("trust_id", "role_id", name=op.f("pk_trust_roles")),
    )
    op.create_index("ix_trust_roles_role_id", "trust_roles", ["role_id"], unique=False)
    op.create_table(
        "application_credentials",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("secret_hash", sa.String(length=255), nullable=False),
        sa.Column("unrestricted", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_application_credentials_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_application_credentials_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_credentials")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_application_credentials_user_id")),
    )
    op.create_index(
        "ix_application_credentials_project_id",
        "application_credentials",
        ["project_id"],
        unique=False,
    )
    op.create_table(
        "application_credential_roles",
        sa.Column("credential_id", sa.String(length=64), nullable=False),
        sa.Column("role_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["application_credentials.id"],
            name=op.f("fk_application_credential_roles_credential_id"),
        ),
        sa.ForeignKeyConstraint(
            ["role_id"], ["roles.id"], name=op.f("fk_application_credential_roles_role_id")
        ),
        sa.PrimaryKeyConstraint(
            "credential_id", "role_id", name=op.f("pk_application_credential_roles")
        ),
    )
    op.create_index(
        "ix_application_credential_roles_role_id",
        "application_credential_roles",
        ["role_id"],
        unique=False,
    )
    op.create_table(
        "access_rules",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_access_rules_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_rules")),
        sa.UniqueConstraint(
            "user_id", "service", "method", "path", name=op.f("uq_access_rules_user_id")
        ),
    )
    op.create_table(
        "application_credential_rules",
        sa.Column("credential_id", sa.String(length=64), nullable=False),
        sa.Column("rule_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["application_credentials.id"],
            name=op.f("fk_application_credential_rules_credential_id"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["access_rules.id"], name=op.f("fk_application_credential_rules_rule_id")
        ),
        sa.PrimaryKeyConstraint(
            "credential_id", "rule_id", name=op.f("pk_application_credential_rules")
        ),
    )
    op.create_index(
        "ix_application_credential_rules_rule_id",
        "application_credential_rules",
        ["rule_id"],
        unique=False,
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=True),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_credentials_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credentials")),
    )
    op.create_index("ix_credentials_project_id", "credentials", ["project_id"], unique=False)
    op.create_index("ix_credentials_user_id", "credentials", ["user_id"], unique=False)


def _move_assignments() -> None:
    op.execute(
        "INSERT INTO role_assignments"
        " (actor_kind, actor_id, target_kind, target_id, role_id, inherited)"
        " SELECT 'user', user_id, 'project', project_id, role_id, false FROM assignments"
    )
    op.drop_table("assignments")


def _change() -> None:
    with op.batch_alter_table("domains", schema=None) as batch_op:
        batch_op.add_column(sa.Column("options", sa.JSON(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("extra", sa.JSON(), server_default="{}", nullable=False))

    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("parent_id", sa.String(length=64), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("options", sa.JSON(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("extra", sa.JSON(), server_default="{}", nullable=False))
        batch_op.create_index(batch_op.f("ix_projects_parent_id"), ["parent_id"], unique=False)

    op.execute("UPDATE projects SET parent_id = domain_id")
    with op.batch_alter_table("roles", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("domain_id", sa.String(length=64), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("description", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("options", sa.JSON(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("extra", sa.JSON(), server_default="{}", nullable=False))
        batch_op.drop_constraint(batch_op.f("uq_roles_name"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_roles_domain_id"), ["domain_id", "name"])

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("created_at", sa.BigInteger(), server_default="0", nullable=False)
        )
        batch_op.add_column(
            sa.Column("password_created_at", sa.BigInteger(), server_default="0", nullable=False)
        )
        batch_op.add_column(sa.Column("password_expires_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("last_active_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(
            sa.Column("failed_logins", sa.Integer(), server_default="0", nullable=False)
        )
        batch_op.add_column(sa.Column("failed_login_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("options", sa.JSON(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("extra", sa.JSON(), server_default="{}", nullable=False))
        batch_op.alter_column("password_hash", existing_type=sa.VARCHAR(length=255), nullable=True)
