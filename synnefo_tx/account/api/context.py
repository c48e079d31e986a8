"""
What every resource of the account API is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from attrs import field, frozen

from synnefo_tx.account.notices import INotifier, Silence
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.store.database import Database

PREFIX = "/v1.0"


@frozen(eq=False)
class Context:
    """
    clock: seconds since the epoch.  notifier: tells people of their projects.  horizon_s: how long
    tokens live.  look_again: makes this process see at once which of them have ended.
    """

    database: Database
    clock: Callable[[], float]
    notifier: INotifier = field(factory=Silence)
    horizon_s: int = 86400
    look_again: Callable[[], object] = lambda: None

    def now_us(self) -> int:
        """
        Microseconds since the epoch.
        """
        return int(self.clock() * 1e6)


def read_object(call: Call) -> dict[str, Any]:
    """
    The body, a JSON object.  Raises BadRequest in Synnefo's words.
    """
    media = call.header("content-type")
    if not media:
        raise BadRequest("Missing Content-Type")
    if not media.startswith("application/json"):
        raise BadRequest("Unsupported Content-type")
    try:
        value = msgspec.json.decode(call.raw_body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("Could not decode request body as JSON") from error
    if not isinstance(value, dict):
        raise BadRequest("Data should be a dictionary")
    return value
