"""
The queue of letters.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import Connection, insert

from synnefo_tx.people.mail.tables import mail_queue


def post(connection: Connection, template: str, to: str, values: Mapping[str, str]) -> None:
    """
    A letter, sent once the transaction is committed.  to: an address.  values: of the template.
    """
    row = {
        "id": uuid.uuid4().hex,
        "template": template,
        "recipient": to,
        "filling": dict(values),
    }
    connection.execute(insert(mail_queue).values(row))
