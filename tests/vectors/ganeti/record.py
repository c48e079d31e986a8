"""
Asks a real Ganeti what its query language answers, and writes that down as a test vector.

    python -m tests.vectors.ganeti.record https://192.0.2.10:5080 admin secret > query.json

The cluster should have at least an instance with two NICs and two disks, one without any, a
network that is connected and one that is not, and a node that is offline with an instance on it.
Recorded with Debian's Ganeti 3.0.2.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

RESOURCES = ("instance", "node", "group", "network", "job", "export", "lock", "filter")
BULK = ("instance", "node", "group", "network")
LIVE = {"dfree", "mfree", "mnode", "spfree"}  # differ between two questions
NODE_FILTERS: tuple[Any, ...] = (
    ["=", "name", "node2"], ["==", "name", "node2"], ["!=", "name", "node1"],
    ["<", "name", "node2"], ["<=", "name", "node2"], [">", "name", "node2"],
    [">=", "name", "node2"], ["=~", "name", "node[12]$"], ["=~", "name", "1"],
    ["?", "master"], ["?", "powered"], ["?", "offline"], ["!", ["?", "offline"]],
    ["&"], ["|"], ["&", ["?", "master"], ["=", "name", "node1"]],
    ["|", ["=", "name", "node1"], ["=", "name", "node3"]],
    [">", "mtotal", 0], ["<", "mtotal", 0], ["!", [">", "mtotal", 0]],
    ["=", "powered", True], ["!", ["=", "powered", True]], ["=[]", "pinst_list", "inst1.example"],
    ["=[]", "tags", "x"], ["=", "offline", True], ["=", "offline", False], ["=", "pinst_cnt", 1],
    ["=", "role", "O"], ["=~", "hv_state", "x"], ["=[]", "disk_state", "x"],
    ["nope", "name", "x"], "x", [], ["!"], ["!", ["?", "master"], ["?", "master"]],
    ["=", "name"], ["=", 1, "x"], ["=", "bogus", "x"], ["?", "bogus"], ["=~", "name", "["],
    [">", "mtotal", "abc"], ["=", "name", 3], ["=[]", "name", "node1"], ["?", "name"],
    ["=", "name", None], ["=", "name", ["a"]], ["=~", "mtotal", "1"], ["<", "master", True],
    ["<", "tags", "x"],
)  # fmt: skip
INSTANCE_FILTERS: tuple[Any, ...] = (
    ["=", "be/vcpus", 2], ["=", "nic.ip/0", "10.1.0.2"], ["!=", "nic.ip/0", "10.1.0.2"],
    ["?", "nic.ip/0"], ["=[]", "tags", "t1"], ["=", "oper_state", True],
    ["!", ["=", "oper_state", True]], ["=", "status", "running"], ["?", "admin_up"],
    [">", "disk.size/1", 64], [">=", "oper_ram", 1], ["=", "hv/acpi", True],
    ["=", "pnode", "node3"],
    ["=[]", "nic.macs", "x"], ["|", ["=", "status", "running"], ["=", "admin_state", "down"]],
)  # fmt: skip


class Ganeti:
    """A remote API; its certificate is not checked."""

    def __init__(self, base: str, user: str, password: str) -> None:
        self._base = base
        self._basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, answer)."""
        request = urllib.request.Request(self._base + path, method=method)
        request.add_header("Authorization", f"Basic {self._basic}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, context=self._context) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["message"]


def record(ganeti: Ganeti) -> dict[str, Any]:
    """Tables of fields, bulk answers beside query answers, filters with what they let pass."""
    fields = {
        name: ganeti.call("GET", f"/2/query/{name}/fields")[1]["fields"] for name in RESOURCES
    }
    bulk = {name: ganeti.call("GET", f"/2/{name}s?bulk=1")[1] for name in BULK}
    rows = {}
    for name in BULK:
        names = ",".join(field["name"] for field in fields[name])
        answer = ganeti.call("GET", f"/2/query/{name}?fields={urllib.parse.quote(names)}")
        rows[name] = answer[1]["data"]
    return {
        "fields": fields,
        "live": sorted(LIVE),
        "bulk": bulk,
        "rows": rows,
        "filters": [
            [kind, each, *filtered(ganeti, kind, each)]
            for kind, cases in (("node", NODE_FILTERS), ("instance", INSTANCE_FILTERS))
            for each in cases
        ],
    }


def filtered(ganeti: Ganeti, kind: str, each: Any) -> tuple[int, Any]:
    """(200, names that pass) or (status, message)."""
    status, answer = ganeti.call("PUT", f"/2/query/{kind}", {"fields": ["name"], "qfilter": each})
    return status, [row[0][1] for row in answer["data"]] if status == 200 else answer


if __name__ == "__main__":
    json.dump(record(Ganeti(*sys.argv[1:4])), sys.stdout, separators=(",", ":"), sort_keys=True)
    print()
