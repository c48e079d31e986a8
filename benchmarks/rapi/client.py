"""
A blocking client of a remote API on one kept connection, as a test tool uses it.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PATIENCE_S = 120
FINAL = frozenset({"success", "error", "canceled"})


class Answer(NamedTuple):
    """Of a request."""

    status: int
    body: bytes


class Client:
    """
    One connection.

    A Ganeti closes its own after every request; then the next request opens another.
    """

    def __init__(self, base: str, user: str = "admin", password: str = "secret") -> None:
        parts = urlsplit(base)
        host, port = parts.hostname or "", parts.port
        self._connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
        if parts.scheme == "https":
            self._connection = http.client.HTTPSConnection(
                host, port, context=ssl._create_unverified_context(), timeout=PATIENCE_S
            )
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}"}

    def answer(self, method: str, path: str, body: Any = None) -> Answer:
        """The answer, whatever it is."""
        headers = dict(self._headers)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self._connection.request(method, path, data, headers)
        answer = self._connection.getresponse()
        return Answer(answer.status, answer.read())

    def raw(self, method: str, path: str, body: Any = None) -> bytes:
        """The answer's body.  Raises RuntimeError unless the status is 200."""
        answer = self.answer(method, path, body)
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer.body

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer."""
        return json.loads(self.raw(method, path, body))

    def ended(self, job: int) -> dict[str, Any]:
        """The job once it has ended, by long polling.  Raises RuntimeError unless it succeeded."""
        known: list[Any] | None = None
        while True:
            body = {"fields": ["status"], "previous_job_info": known, "previous_log_serial": 10**6}
            news = self.call("GET", f"/2/jobs/{job}/wait", body)
            known = news["job_info"] if news else known
            if known and known[0] in FINAL:
                break
        told: dict[str, Any] = self.call("GET", f"/2/jobs/{job}")
        if told["status"] != "success":
            raise RuntimeError(f"job {job}: {told['opresult']}")
        return told

    def is_up(self, patience_s: float) -> bool:
        """Whether it answers within so many seconds."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            try:
                return bool(self.call("GET", "/version") == 2)
            except OSError:
                self._connection.close()
                time.sleep(0.05)
        return False
