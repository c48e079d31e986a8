"""
The port of the remote API, with its certificate.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from OpenSSL.SSL import Error as TlsError
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.threads import deferToThread

from ganetid.rapi.api import Api
from ganetid.rapi.certificate import make_certificate
from ganetid.rapi.site import Access, site_of
from ganetid.rapi.users import Users
from ganetid.settings import GanetiSettings


class RapiPort:
    """Where the remote API listens: `port` is the one that was taken."""

    def __init__(self, settings: GanetiSettings, reactor: Any) -> None:
        self.port = settings.rapi_port
        self.certificate = Path(settings.rapi_certificate or f"{settings.state_dir}/rapi.pem")
        self._settings = settings
        self._reactor = reactor
        self._users = Users(Path(settings.users_file))
        self._listening: Any = None

    async def listen(self, api: Api) -> None:
        """Begin to answer.  Raises OSError."""
        settings = self._settings
        access = Access(Path(settings.state_dir) / "tokens.json", settings.rapi_needs_user)
        place = (settings.rapi_port, site_of(api, self._users, self._reactor, access))
        if settings.rapi_tls:
            options = (await self._pem()).options()
            self._listening = self._reactor.listenSSL(*place, options, interface=settings.rapi_host)
        else:
            self._listening = self._reactor.listenTCP(*place, interface=settings.rapi_host)
        self.port = self._listening.getHost().port

    def reload(self) -> None:
        """Read the users file again for the next request."""
        self._users.reload()

    async def close(self) -> None:
        """Answer no more.  Idempotent."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.stopListening()

    async def _pem(self) -> PrivateCertificate:
        """The certificate, which is made when there is none.  Raises OSError."""
        if not self.certificate.exists():
            now = dt.datetime.now(dt.UTC)
            host = self._settings.rapi_host
            await deferToThread(make_certificate, self.certificate, host, now)
        try:
            pem: PrivateCertificate = PrivateCertificate.loadPEM(self.certificate.read_bytes())
        except TlsError as error:
            raise OSError(f"{self.certificate}: no certificate and key in it") from error
        return pem
