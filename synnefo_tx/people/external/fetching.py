"""
JSON from a provider, bounded in time and in size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import frozen
from twisted.internet.defer import Deferred

from synnefo_tx.people.external.errors import ProviderAway

TOTAL_TIMEOUT_S = 10.0
LARGEST_BYTES = 512 * 1024


class TooMuch(Exception):
    """
    More bytes than anything of ours has.
    """


@frozen
class Answer:
    """
    json: None if the body is none.
    """

    status: int
    json: Any


@frozen(eq=False)
class Fetcher:
    """
    Asks by `http`, any client with treq's interface.  No redirect is followed: what a provider
    names is where it is.
    """

    _http: Any
    _reactor: Any

    async def ask(self, method: str, url: str, **more: Any) -> Answer:
        """
        One request.  Raises ProviderAway.
        """
        asked = Deferred.fromCoroutine(self._ask(method, url, more))
        asked.addTimeout(TOTAL_TIMEOUT_S, self._reactor)
        try:
            return await asked
        except Exception as error:  # whatever a network does
            raise ProviderAway(f"{method} {url}: {type(error).__name__}") from error

    async def object(self, url: str, **more: Any) -> dict[str, Any]:
        """
        The JSON object there.  Raises ProviderAway.
        """
        answer = await self.ask("GET", url, **more)
        if answer.status != 200 or not isinstance(answer.json, dict):
            raise ProviderAway(f"GET {url}: {answer.status}, no object")
        return answer.json

    async def _ask(self, method: str, url: str, more: Mapping[str, Any]) -> Answer:
        headers = {"Accept": "application/json", **more.get("headers", {})}
        response = await self._http.request(
            method,
            url,
            headers=headers,
            data=more.get("data"),
            auth=more.get("auth"),
            allow_redirects=False,
            unbuffered=True,
        )
        body = bytearray()

        def collect(data: bytes) -> None:
            body.extend(data)
            if len(body) > LARGEST_BYTES:
                raise TooMuch

        await response.collect(collect)
        try:
            return Answer(response.code, msgspec.json.decode(bytes(body)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Answer(response.code, None)
