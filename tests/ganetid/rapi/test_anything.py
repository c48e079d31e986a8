"""
Whatever a client sends, made from the API's own description: no answer is ours to be ashamed of.

RAPI_FUZZ: how many requests (250).
"""

from __future__ import annotations

import atexit
import json
import os
import re
from functools import cache
from typing import Any
from unittest import TestCase
from urllib.parse import quote, urlencode

from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.rapi.client import Answer, Client
from benchmarks.rapi.daemon import Daemon, running_daemon

REQUESTS = int(os.environ.get("RAPI_FUZZ", "250"))
BESIDE = {
    "/2/destroy": "nothing can be tried after it",
    "/2/events": "it never ends",
    "/2/jobs/drained": "nothing can be tried after it",
    "/2/nodes/{name}/powercycle": "it runs a program",
}
NAMES = ("node1", "default", "net", "inst", "absent", "instance", "job", "x" * 300, "1", "%41")
ARGUMENTS = (
    "bulk", "limit", "after", "fields", "tag", "dry-run", "force", "type", "mode", "static",
    "lock", "ignore_size", "storage_type", "output_fields", "name", "allocatable", "status",
    "running", "no_remember", "reason", "os", "nostartup", "lines", "instance", "auto-promote",
)  # fmt: skip
FLAGS = ("0", "1", "2", "-1", "", "yes", "9" * 30, "name", "file", "a,b", "\x00", "\udce9", "é")
scalars = st.one_of(
    st.none(), st.booleans(), st.sampled_from([-1, 0, 1, 2, 7, 64, 2**31, 2**63, 10**30]),
    st.floats(allow_nan=False), st.text(max_size=4), st.sampled_from(NAMES[:5]),
    st.sampled_from(["default", "auto", "pool", "none", "add", "remove", "modify", "10.0.0.5",
                     "10.0.0.0/24", "\ud800", "ext", "file", "diskless", "fake"]),
)  # fmt: skip
junk = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@frozen
class Request:
    """What is sent.  body: None: nothing."""

    method: str
    path: str
    body: Any


@cache
def shared_daemon() -> Daemon:
    """One for all requests, ended with the process."""
    running = running_daemon(settings="rapi_tls = false\n")
    atexit.register(running.__exit__, None, None, None)
    daemon = running.__enter__()
    client = Client(daemon.base)
    for path, body in FURNITURE:
        client.ended(client.call("POST", path, body))
    return daemon


FURNITURE = (
    ("/2/networks", {"network_name": "net", "network": "10.0.0.0/24"}),
    ("/2/instances", {
        "__version__": 1, "mode": "create", "instance_name": "inst", "disk_template": "file",
        "disks": [{"size": 4}], "nics": [{}], "os_type": "image+default", "name_check": False,
        "ip_check": False, "no_install": True, "start": False,
    }),
)  # fmt: skip


@cache
def described() -> dict[str, Any]:
    """What the daemon says of itself."""
    found: dict[str, Any] = Client(shared_daemon().base).call("GET", "/openapi.json")
    return found


def values_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema takes, and at times others."""
    return st.one_of(_fitting(schema), _fitting(schema), _fitting(schema), junk)


def _fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "anyOf" in schema:
        return st.one_of([_fitting(each) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        return st.lists(values_of(schema.get("items", {})), max_size=3)
    if kind == "object" and "properties" in schema:
        parts = {name: values_of(each) for name, each in schema["properties"].items()}
        return st.fixed_dictionaries({}, optional=parts)
    if kind == "object":
        return st.dictionaries(st.text(max_size=4), junk, max_size=3)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        "boolean": st.booleans(), "integer": st.sampled_from([-1, 0, 1, 2, 7, 64, 2**63]),
        "string": st.one_of(st.sampled_from(NAMES), st.text(max_size=4)), "null": st.none(),
    }  # fmt: skip
    return simple.get(kind, junk)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request of any route, with its own parameters or strange ones."""
    method, template = draw(st.sampled_from(routes()))
    operation = described()["paths"][template][method]
    path = re.sub(r"\{(\w+)\}", lambda _: quote(draw(st.sampled_from(NAMES))), template)
    own = [each["name"] for each in operation["parameters"] if each["in"] == "query"]
    names = st.sampled_from([*own, *ARGUMENTS])
    query = draw(st.dictionaries(names, st.sampled_from(FLAGS), max_size=4))
    if query:
        path += "?" + urlencode(query, errors="surrogateescape")
    told = operation.get("requestBody")
    reference = told["content"]["application/json"]["schema"]["$ref"] if told else ""
    return Request(method.upper(), path, draw(bodies_of(reference.rpartition("/")[2])))


@cache
def bodies_of(op_id: str) -> st.SearchStrategy[Any]:
    """Bodies for an opcode, and none; "": of nothing in particular."""
    schema = described()["components"]["schemas"].get(op_id, {})
    return st.one_of(st.none(), values_of(schema), values_of(schema))


@cache
def routes() -> tuple[tuple[str, str], ...]:
    """(method, path) of all that can be tried."""
    paths = described()["paths"]
    return tuple((each, path) for path in paths if path not in BESIDE for each in paths[path])


class AnythingTests(TestCase):
    """A daemon with fake guests, an instance and a network."""

    def checked(self, request: Request, answer: Answer) -> None:
        """Whether the answer is one of the API's."""
        self.assertNotEqual(answer.status, 500, (request, answer))
        self.assertLess(answer.status, 600)
        if answer.status == 200 and not request.path.startswith("/metrics"):
            json.loads(answer.body)
        elif answer.status >= 400:
            told = json.loads(answer.body)
            self.assertEqual(set(told), {"code", "message", "explain"}, request)
            self.assertEqual(told["code"], answer.status)

    def test_no_request_breaks_it(self) -> None:
        """No request is answered with 500, nor does any job break."""
        daemon = shared_daemon()
        client = Client(daemon.base)

        @settings(max_examples=REQUESTS, database=None,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(requests())
        def sent(request: Request) -> None:
            answer = client.answer(request.method, request.path, request.body)
            self.checked(request, answer)

        sent()
        log = (daemon.home / "log").read_text()
        self.assertNotRegex(log, "Traceback|Unhandled", log[-3000:])
        self.assertEqual(client.call("GET", "/version"), 2)
