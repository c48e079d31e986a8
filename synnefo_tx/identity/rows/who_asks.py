"""
Whom a log-in that failed named, for the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.identity.rows.delegation_tables import application_credentials
from synnefo_tx.identity.rows.tables import domains, users


def user_named(connection: Connection, named: Mapping[str, Any]) -> str:
    """
    The id of the user whom the "user" (or "application_credential") of a request for a token
    names, as far as it is well-formed.  "": nobody here.
    """
    user_id, name, domain = named.get("id"), named.get("name"), named.get("domain")
    if "\0" in f"{user_id}{name}{domain}":  # PostgreSQL has no text with it
        return ""
    if isinstance(name, str) and isinstance(domain, Mapping):
        column = "name" if domain.get("name") else "id"
        place = domains.c[column] == str(domain.get(column) or "")
        wanted = select(users.c.id).join(domains, domains.c.id == users.c.domain_id)
        wanted = wanted.where(users.c.name == name, place)
    else:
        wanted = select(users.c.id).where(users.c.id == str(user_id or ""))
    return str(connection.execute(wanted).scalar() or "")


def user_of_credential(connection: Connection, credential_id: str) -> str:
    """
    The same for an application credential.
    """
    this = application_credentials.c.id == credential_id.replace("\0", "")
    found = select(application_credentials.c.user_id).where(this)
    return str(connection.execute(found).scalar() or "")
