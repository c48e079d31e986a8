"""
Clusters as a command asks them: over RAPI, waiting in the calling thread.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlencode, urlsplit

from attrs import frozen

from synnefo_tx.cluster.interface import ClusterAway, ClusterRefused
from synnefo_tx.cluster.rapi import Address

TIMEOUT_S = 30.0


@frozen
class BlockingReader:
    """
    `get` is that of ICluster; its coroutine never waits.
    """

    _address: Address

    async def get(self, path: str, query: dict[str, str]) -> Any:
        """
        Raises ClusterAway and ClusterRefused.
        """
        try:
            status, content = self._ask(f"{path}?{urlencode(query)}" if query else path)
            answer = json.loads(content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ClusterAway(f"{type(error).__name__}: {error}") from error
        if status == 200:
            return answer
        message = answer.get("message") if isinstance(answer, dict) else None
        if status >= 500 or status in (401, 403):
            raise ClusterAway(f"{status}: {message}")
        raise ClusterRefused(status, str(message))

    def _ask(self, target: str) -> tuple[int, bytes]:
        connection = self._connection()
        try:
            pair = f"{self._address.user}:{self._address.password}".encode()
            words = f"Basic {base64.b64encode(pair).decode()}"
            connection.request("GET", target, headers={"Authorization": words})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        place = urlsplit(self._address.url)
        host, port = place.hostname or "", place.port
        if place.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        context = ssl.create_default_context(cafile=self._address.ca_file)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the file may be its own certificate
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
