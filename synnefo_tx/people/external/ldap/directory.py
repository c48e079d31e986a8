"""
A directory asked by LDAP.  Everything here blocks: it runs in threads.

Source: RFC 4511, 4513 (5.1.2: a bind without a password proves nothing), 4515; ldap3 2.9.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import ldap3
from attrs import field, frozen
from ldap3.core.exceptions import LDAPException
from ldap3.core.results import (
    RESULT_BUSY,
    RESULT_OPERATIONS_ERROR,
    RESULT_OTHER,
    RESULT_SUCCESS,
    RESULT_UNAVAILABLE,
)
from ldap3.utils.conv import escape_filter_chars
from twisted.logger import Logger

from synnefo_tx.people.external.errors import ProviderAway
from synnefo_tx.people.external.settings import LdapDirectory

T = TypeVar("T")
LONGEST = 255
PAGED = "1.2.840.113556.1.4.319"  # RFC 2696
_AWAY = (RESULT_BUSY, RESULT_UNAVAILABLE, RESULT_OPERATIONS_ERROR, RESULT_OTHER)
#: below `user_base`, and nobody's: a wrong name costs a bind as a wrong password does
NOBODY = "cn=nobody-has-this-name-7d1f"


@frozen
class Entry:
    """
    A user there.  attributes: texts, by the names that settings have for them.
    """

    dn: str
    identifier: str
    name: str
    attributes: dict[str, list[str]]


@frozen(eq=False)
class Directory:
    """
    password: of bind_dn.
    """

    settings: LdapDirectory
    _password: str | None = field(repr=False)
    _log = Logger()

    def proved(self, name: str, password: str, *, exact: bool = False) -> Entry | None:
        """
        The user with this name, if the password is the user's.  exact: the name is spelt as there.
        Raises ProviderAway.
        """
        if not password or not 0 < len(name) <= LONGEST or not _is_text(name + password):
            return None

        def look(url: str) -> Entry | None:
            with self._searching(url) as connection:
                entry = self._entry(connection, name)
            if entry is not None and exact and entry.name != name:
                entry = None
            dn = entry.dn if entry is not None else f"{NOBODY},{self.settings.user_base}"
            with self._connected(url, dn, password) as bound:
                right = _bound(bound)
            return entry if right else None

        return self._somewhere(look)

    def groups(self, entry: Entry) -> list[str]:
        """
        Names of the groups that the user is in.  Raises ProviderAway.
        """
        settings = self.settings
        if settings.group_base is None:
            return []
        base = settings.group_base
        member = f"({settings.group_member_attribute}={escape_filter_chars(entry.dn)})"
        wanted = f"(&{settings.group_filter}{member})"

        def look(url: str) -> list[str]:
            with self._searching(url) as connection:
                found = self._pages(connection, base, wanted, settings.group_name_attribute)
                names = [_texts(one, settings.group_name_attribute) for one in found]
            return [name[0] for name in names if name]

        return self._somewhere(look)

    def identifiers(self) -> frozenset[str]:
        """
        Of all users there.  Raises ProviderAway: never a part of them.
        """
        settings = self.settings

        def look(url: str) -> frozenset[str]:
            with self._searching(url) as connection:
                found = self._pages(
                    connection, settings.user_base, settings.user_filter, settings.id_attribute
                )
                each = [_texts(one, settings.id_attribute) for one in found]
            return frozenset(texts[0] for texts in each if texts)

        return self._somewhere(look)

    def _entry(self, connection: ldap3.Connection, name: str) -> Entry | None:
        settings = self.settings
        wanted = f"({settings.name_attribute}={escape_filter_chars(name)})"
        names = {settings.id_attribute, settings.name_attribute, settings.email_attribute}
        names |= {rule.claim for rule in settings.accounts.roles}
        found = self._pages(
            connection, settings.user_base, f"(&{settings.user_filter}{wanted})", *sorted(names)
        )
        if len(found) != 1:
            if found:
                self._log.warn("{count} users have one name in a directory", count=len(found))
            return None
        attributes = {each: _texts(found[0], each) for each in names}
        identifier, own = attributes[settings.id_attribute], attributes[settings.name_attribute]
        dn = str(found[0]["dn"])
        if not identifier or not own or not dn:  # a bind without a DN proves nothing
            return None
        return Entry(dn, identifier[0], own[0], attributes)

    def _pages(
        self, connection: ldap3.Connection, base: str, wanted: str, *attributes: str
    ) -> list[dict[str, Any]]:
        """
        All entries.  Raises ProviderAway unless the server says that these are all.
        """
        found: list[dict[str, Any]] = []
        cookie: bytes | None = None
        while True:
            connection.search(
                base,
                wanted,
                attributes=list(attributes),
                paged_size=self.settings.page_size,
                paged_cookie=cookie,
            )
            if connection.result["result"] != RESULT_SUCCESS:
                raise ProviderAway(f"a search ended with {connection.result['result']}")
            answers = connection.response or ()
            found += [one for one in answers if one["type"] == "searchResEntry"]
            controls = connection.result.get("controls") or {}
            cookie = controls.get(PAGED, {}).get("value", {}).get("cookie")
            if not cookie:
                return found

    def _somewhere(self, look: Callable[[str], T]) -> T:
        """
        What the first server says that answers.
        """
        reasons = []
        for url in self.settings.urls:
            try:
                return look(url)
            except (LDAPException, OSError, ProviderAway) as error:
                reasons.append(f"{url}: {getattr(error, 'reason', type(error).__name__)}")
                self._log.warn("a directory does not answer: {reason}", reason=reasons[-1])
        raise ProviderAway("; ".join(reasons))

    @contextmanager
    def _searching(self, url: str) -> Iterator[ldap3.Connection]:
        with self._connected(url, self.settings.bind_dn, self._password) as connection:
            if not _bound(connection):
                raise ProviderAway("we may not search it")
            yield connection

    @contextmanager
    def _connected(
        self, url: str, dn: str | None, password: str | None
    ) -> Iterator[ldap3.Connection]:
        """
        A connection that is safe, and not bound yet.
        """
        settings = self.settings
        connection = ldap3.Connection(
            self._server(url),
            user=dn,
            password=password,
            authentication=ldap3.SIMPLE if dn else ldap3.ANONYMOUS,
            auto_bind=ldap3.AUTO_BIND_NONE,
            auto_referrals=False,
            check_names=False,
            read_only=True,
            receive_timeout=settings.timeout_s,
        )
        try:
            connection.open(read_server_info=False)
            if settings.security == "starttls" and not connection.start_tls(read_server_info=False):
                raise ProviderAway("no STARTTLS")
            yield connection
        finally:
            connection.unbind()

    def _server(self, url: str) -> ldap3.Server:
        settings = self.settings
        tls = ldap3.Tls(
            validate=ssl.CERT_REQUIRED,
            version=ssl.PROTOCOL_TLS_CLIENT,
            ca_certs_file=settings.ca_file,
        )
        return ldap3.Server(
            url,
            use_ssl=settings.security == "ldaps",
            tls=None if settings.security == "none" else tls,
            get_info=ldap3.NONE,
            connect_timeout=settings.timeout_s,
        )


def _bound(connection: ldap3.Connection) -> bool:
    """
    Whether the bind is accepted.  Raises ProviderAway for a server that can't say.
    """
    connection.bind(read_server_info=False)
    code = connection.result["result"]
    if code in _AWAY:
        raise ProviderAway(f"a bind ended with {code}")
    return bool(code == RESULT_SUCCESS)


def _texts(found: dict[str, Any], attribute: str) -> list[str]:
    """
    The values; those that are no text, such as a GUID, as hexadecimals.
    """
    named = {name.lower(): values for name, values in found["raw_attributes"].items()}
    return [_text(value) for value in named.get(attribute.lower(), ())]


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() else value.hex()


def _is_text(text: str) -> bool:
    """
    Whether a directory can be told this.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
