"""
The queue of letters.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping

from sqlalchemy import Connection, insert

from synnefo_tx.people.mail.tables import mail_queue


def post(
    connection: Connection,
    template: str,
    to: str,
    values: Mapping[str, str],
    ends_at: int | None = None,
) -> None:
    """
    A letter, sent once the transaction is committed.  to: an address.  values: of the template.
    ends_at: seconds; nobody needs the letter after it; None: it is tried as long as any.
    """
    now = int(time.time())
    row = {
        "id": uuid.uuid4().hex,
        "template": template,
        "recipient": to,
        "filling": dict(values),
        "queued_at": now,
        "ends_at": ends_at,
        "due_at": now,
        "tries": 0,
    }
    connection.execute(insert(mail_queue).values(row))
