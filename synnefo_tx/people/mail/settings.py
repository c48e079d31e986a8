"""
Settings of mail: `[mail]` in `api.toml`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from synnefo_tx.people.errors import BadField
from synnefo_tx.people.rules.addresses import read_address

DAY_S = 86400


class Mail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    host: the mail server that takes our letters; None: letters wait until they are given up.

    tls: "starttls" and "implicit" check the server's certificate, and take nothing less; "off" is
    for a server on this machine.  ca_file: certificates that are believed in place of the
    system's.  user, password_file: the log-in there, if any; the file's first line.
    sender, sender_name: whom letters are from.  cloud: what they call this cloud.
    admins: addresses of those whom people's projects and feedback are told to.
    templates: directory of texts in place of ours.  timeout_s: for each answer of the server.
    give_up_s: how long a letter is tried.
    """

    host: str | None = None
    port: int = 587
    tls: Literal["starttls", "implicit", "off"] = "starttls"
    ca_file: str | None = None
    user: str | None = None
    password_file: str | None = None
    sender: str = ""
    sender_name: str = ""
    cloud: str = "Synnefo"
    admins: tuple[str, ...] = ()
    templates: str | None = None
    timeout_s: int = 30
    give_up_s: int = 3 * DAY_S

    def __post_init__(self) -> None:
        if self.host is not None and not self.sender:
            raise ValueError("a mail server needs a sender")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file are there both or not at all")
        if self.user is not None and self.tls == "off":
            raise ValueError("a password is not sent without TLS")
        if not 0 < self.port < 65536:
            raise ValueError("port is from 1 to 65535")
        if not 0 < self.timeout_s <= 60:
            raise ValueError("timeout_s is from 1 to 60")
        for address in (*self.admins, *([self.sender] if self.sender else [])):
            try:
                read_address(address)
            except BadField as error:
                raise ValueError(f"{address!r} is no e-mail address") from error
