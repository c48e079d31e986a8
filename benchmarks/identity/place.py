"""
An identity API that is measured: its address, its admin, and the projects that it is filled with.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from attrs import frozen

from benchmarks.identity.load import Load

PROJECTS = 100


@frozen
class Place:
    """
    v3: URL of /v3.  Both speak the same API, so both are filled and asked in the same way.
    processes: whose processor time is counted, with all that they have started.
    """

    v3: str
    password: str
    processes: tuple[int, ...]

    def fill(self) -> None:
        """
        Make projects until there are PROJECTS.
        """
        token = self._token()
        there = len(self._call("/projects", token)[1]["projects"])
        for number in range(PROJECTS - there):
            body = {"project": {"name": f"project-{number}", "description": "One of many"}}
            self._call("/projects", token, body)

    def loads(self) -> dict[str, Load]:
        """
        What is measured, by name.
        """
        token = self._token()
        seen = {"X-Auth-Token": token}
        return {
            "issue": Load(f"{self.v3}/auth/tokens", {}, self._log_in()),
            "renew": Load(f"{self.v3}/auth/tokens", {}, self._with_token(token)),
            "validate": Load(f"{self.v3}/auth/tokens", seen | {"X-Subject-Token": token}),
            "projects": Load(f"{self.v3}/projects", seen),
        }

    def _token(self) -> str:
        return self._call("/auth/tokens", "", self._log_in())[0]

    def _log_in(self) -> dict[str, Any]:
        user = {"name": "admin", "domain": {"id": "default"}, "password": self.password}
        return _asked({"methods": ["password"], "password": {"user": user}})

    def _with_token(self, token: str) -> dict[str, Any]:
        return _asked({"methods": ["token"], "token": {"id": token}})

    def _call(self, path: str, token: str, body: object = None) -> tuple[str, Any]:
        """
        The token of the answer ("" for none), and its body.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {})
        request = urllib.request.Request(f"{self.v3}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.headers.get("X-Subject-Token", ""), json.load(answer)


def _asked(identity: dict[str, Any]) -> dict[str, Any]:
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    return {"auth": {"identity": identity, "scope": scope}}
