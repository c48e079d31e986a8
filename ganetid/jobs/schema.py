"""
The journal's tables, and how older ones become these.
"""

from __future__ import annotations

import sqlite3

# Step number n leads from schema n to n + 1; a step that was released is never changed.
STEPS = (
    """
CREATE TABLE facts (key TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY, status TEXT NOT NULL, received INTEGER NOT NULL, ended INTEGER,
    archived INTEGER NOT NULL DEFAULT 0, effect TEXT UNIQUE, document BLOB NOT NULL);
CREATE INDEX jobs_unfinished ON jobs (id) WHERE ended IS NULL;
CREATE INDEX jobs_ended ON jobs (ended);
CREATE TABLE job_secrets (job INTEGER PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE instances (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE networks (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE debris (document BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, routing_key TEXT NOT NULL,
    body BLOB NOT NULL);
""",
    """
CREATE TABLE members (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE groups (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
""",
    # `shown`: how a list shows the job, written when it ends.
    """
ALTER TABLE jobs ADD COLUMN shown BLOB;
CREATE INDEX jobs_listed ON jobs (id, status) WHERE NOT archived;
CREATE TABLE filters (uuid TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
""",
    # The last 10,000 messages stay, for who follows events and was away.
    """
CREATE TABLE told (id INTEGER PRIMARY KEY, routing_key TEXT NOT NULL, body BLOB NOT NULL);
CREATE TRIGGER outbox_is_told AFTER INSERT ON outbox BEGIN
    INSERT INTO told VALUES (NEW.id, NEW.routing_key, NEW.body);
    DELETE FROM told WHERE id <= NEW.id - 10000;
END;
""",
    """
CREATE TABLE security_groups (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE routers (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
""",
)


class SchemaTooNew(Exception):
    """The state directory was written by a newer program."""


def migrate(connection: sqlite3.Connection, where: str) -> None:
    """Bring the database to our schema.  Raises SchemaTooNew, sqlite3.Error."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise SchemaTooNew(f"{where} has schema {version}, we know {len(STEPS)}")
    for number, step in enumerate(STEPS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version={number}; COMMIT;")
