"""
What people are told of their projects, as letters.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen
from sqlalchemy import Connection, select
from zope.interface import implementer

from synnefo_tx.account.notices import INotifier, Notice
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.people.errors import BadField
from synnefo_tx.people.mail.fields import FIELDS
from synnefo_tx.people.mail.queue import post
from synnefo_tx.people.rows.address_tables import verified_addresses
from synnefo_tx.people.rules.addresses import read_address


@implementer(INotifier)
@frozen
class MailNotifier:
    """
    base_url: of the cloud, for letters to name.  admins: addresses of its administrators.
    """

    base_url: str
    admins: tuple[str, ...] = ()

    def notify(self, connection: Connection, notice: Notice) -> None:
        """
        See INotifier.  Who has no address, or is disabled, is told nothing.
        """
        details = {name: str(value) for name, value in notice.details.items()}
        concerned = details.get("user_id", "")
        known = _known(connection, {*notice.user_ids, concerned} - {""})
        values = details | {
            "project": details.get("name", ""),
            "user": known[concerned].name if concerned in known else concerned,
            "url": self.base_url,
        }
        to = [known[user_id].address for user_id in notice.user_ids if user_id in known]
        if notice.to_admins:
            to += self.admins
        values = {field: values.get(field, "") for field in FIELDS[notice.kind]}
        for address in dict.fromkeys(filter(None, to)):
            post(connection, notice.kind, address, values)


@frozen
class _Known:
    """
    address: "" when there is none to write to.
    """

    name: str
    address: str


def _known(connection: Connection, user_ids: Iterable[str]) -> dict[str, _Known]:
    """
    The address that a user has verified, or else the one that the user's record tells.
    """
    wanted = (
        select(users.c.id, users.c.name, users.c.enabled, users.c.extra, verified_addresses.c.email)
        .outerjoin(verified_addresses, verified_addresses.c.user_id == users.c.id)
        .where(users.c.id.in_(sorted(user_ids)))
    )
    return {
        row.id: _Known(row.name, _address(row.email or row.extra.get("email")) * row.enabled)
        for row in connection.execute(wanted)
    }


def _address(given: object) -> str:
    try:
        return read_address(given)
    except BadField:
        return ""
