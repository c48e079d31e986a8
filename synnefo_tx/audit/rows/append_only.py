"""
What makes the audit log append-only in the database itself: UPDATE, DELETE, TRUNCATE and REPLACE
are refused, whoever sends them.

Lines older than a row of audit_retention may go; such a row can't come without its own line in
the log, which the database writes, and is never changed either.

Migrations use these statements too: another form of them takes a migration of its own.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, event

REFUSED = "the audit log is append-only"

# What a retention tells, as SQL values; `new` is its row.
_LINE = """
    INSERT INTO audit_log (at_us, action, outcome, user_id, project_id, target_kind, target_id,
                           address, request_id, details)
    VALUES (new.at_us, 'audit:expire', 'success', new.user_id, '', 'audit',
            CAST(new.before_us AS VARCHAR(20)), '', '', '{}');
"""
_KEPT = "old.at_us >= (SELECT coalesce(max(before_us), 0) FROM audit_retention)"


def _refusal(name: str, what: str, table: str, when: str = "") -> str:
    condition = f"WHEN {when} " if when else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {what} ON {table} {condition}"
        f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    )


def _calls(name: str, when: str, function: str, each: str = "ROW") -> str:
    return f"CREATE TRIGGER {name} {when} FOR EACH {each} EXECUTE FUNCTION {function}()"


_SQLITE = (
    _refusal("audit_log_unchanged", "UPDATE", "audit_log"),
    _refusal("audit_log_kept", "DELETE", "audit_log", _KEPT),
    # REPLACE deletes without asking the trigger of DELETE
    _refusal(
        "audit_log_not_replaced",
        "INSERT",
        "audit_log",
        "EXISTS (SELECT 1 FROM audit_log WHERE id = new.id)",
    ),
    _refusal("audit_retention_unchanged", "UPDATE", "audit_retention"),
    _refusal("audit_retention_kept", "DELETE", "audit_retention"),
    _refusal(
        "audit_retention_not_replaced",
        "INSERT",
        "audit_retention",
        "EXISTS (SELECT 1 FROM audit_retention WHERE id = new.id)",
    ),
    f"CREATE TRIGGER audit_retention_told AFTER INSERT ON audit_retention BEGIN {_LINE} END",
)
_POSTGRESQL = (
    f"""
    CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{REFUSED}'; END $$
    """,
    f"""
    CREATE FUNCTION audit_keep() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {_KEPT} THEN RAISE EXCEPTION '{REFUSED}'; END IF;
        RETURN old;
    END $$
    """,
    f"""
    CREATE FUNCTION audit_tell() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {_LINE} RETURN new; END $$
    """,
    _calls("audit_log_unchanged", "BEFORE UPDATE ON audit_log", "audit_refuse"),
    _calls("audit_log_kept", "BEFORE DELETE ON audit_log", "audit_keep"),
    _calls("audit_log_not_emptied", "BEFORE TRUNCATE ON audit_log", "audit_refuse", "STATEMENT"),
    _calls("audit_retention_kept", "BEFORE UPDATE OR DELETE ON audit_retention", "audit_refuse"),
    _calls(
        "audit_retention_not_emptied",
        "BEFORE TRUNCATE ON audit_retention",
        "audit_refuse",
        "STATEMENT",
    ),
    _calls("audit_retention_told", "AFTER INSERT ON audit_retention", "audit_tell"),
)


def make_append_only(connection: Connection) -> None:
    """
    Guard the two tables, which are there and unguarded.
    """
    for statement in _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE:
        connection.exec_driver_sql(statement)


def guard(log: Table, retention: Table) -> None:
    """
    Whenever both tables are made from their declaration, they are guarded.
    """
    made = {log.name, retention.name}

    def after(_metadata: Any, connection: Connection, **more: Any) -> None:
        if made <= {table.name for table in more.get("tables", ())}:
            make_append_only(connection)

    event.listen(log.metadata, "after_create", after)
