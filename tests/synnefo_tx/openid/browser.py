"""
A browser without a screen, and HTTP of clients: answers come from a resource in memory.
"""

from __future__ import annotations

from html.parser import HTMLParser
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from treq.testing import StubTreq
from urllib3 import HTTPHeaderDict, HTTPResponse

OWN = ("Content-Length", "Accept-Encoding", "Connection")  # treq's


class InMemory(BaseAdapter):
    """
    Sends requests to the resource `root`, for the test `case`.
    """

    def __init__(self, case: Any, root: Any) -> None:
        super().__init__()
        self._case = case
        self._root = root

    def send(self, request: Any, *_args: Any, **_more: Any) -> requests.Response:  # type: ignore[override]
        treq = StubTreq(self._root)  # each keeps cookies of its own
        asked = treq.request(
            request.method,
            request.url,
            headers={name: value for name, value in request.headers.items() if name not in OWN},
            data=request.body.encode() if isinstance(request.body, str) else request.body,
            allow_redirects=False,
        )
        answer = self._case.successResultOf(asked)
        treq.flush()
        body = self._case.successResultOf(answer.content())
        headers = HTTPHeaderDict()
        for name, values in answer.headers.getAllRawHeaders():
            for value in values:
                headers.add(name.decode(), value.decode())
        told = SimpleNamespace(get_all=lambda name, default=None: headers.getlist(name) or default)
        raw = HTTPResponse(
            BytesIO(body), headers, answer.code, preload_content=False, decode_content=False
        )
        raw._original_response = SimpleNamespace(
            msg=told, isclosed=lambda: True, close=lambda: None
        )  # type: ignore[assignment]
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        """Nothing is open."""


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        if tag == "form":
            self.action = told.get("action") or ""
        if tag == "input" and told.get("name"):
            self.fields[told["name"] or ""] = told.get("value") or ""


class Browser:
    """
    Keeps cookies, fills forms in, and stops where a redirect leads to another site.
    """

    def __init__(self, session: requests.Session) -> None:
        self.session = session

    def get(self, url: str) -> requests.Response:
        return self.session.get(url, allow_redirects=False)

    def send(self, page: requests.Response, **filled: str) -> requests.Response:
        """Send the page's form with these fields filled in."""
        forms = _Forms()
        forms.feed(page.text)
        assert forms.action, page.text
        fields = forms.fields | filled
        return self.session.post(forms.action, data=fields, allow_redirects=False)

    def log_in(self, page: requests.Response, name: str, password: str) -> requests.Response:
        return self.send(page, name=name, password=password)


def told(answer: requests.Response) -> dict[str, str]:
    """What a redirect tells the client."""
    assert answer.status_code == 303, (answer.status_code, answer.text)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
