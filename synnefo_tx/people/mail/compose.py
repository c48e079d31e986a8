"""
A letter as a mail server takes it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from synnefo_tx.people.mail.model import Letter
from synnefo_tx.people.mail.settings import Mail
from synnefo_tx.people.mail.templates import Templates
from synnefo_tx.people.rules.addresses import read_address

# Refuses line ends in headers.  Twisted makes \r\n of \n itself.
_POLICY = SMTP.clone(linesep="\n")


def compose(letter: Letter, templates: Templates, settings: Mail) -> bytes:
    """
    Headers and body; the same for every try of a letter, its Message-ID too.  Raises KeyError,
    BadField and ValueError.
    """
    text = templates.fill(letter.template, letter.filling)
    domain = settings.sender.partition("@")[2] or "localhost"
    message = EmailMessage(_POLICY)
    message["Subject"] = text.subject
    message["From"] = Address(
        settings.sender_name or settings.cloud, addr_spec=settings.sender or "nobody@localhost"
    )
    message["To"] = Address(addr_spec=read_address(letter.recipient))
    message["Date"] = format_datetime(datetime.fromtimestamp(letter.queued_at, UTC))
    message["Message-ID"] = f"<{letter.id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nothing answers it by itself
    message.set_content(text.body, cte="quoted-printable")
    return message.as_bytes()
