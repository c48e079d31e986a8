"""
Ganeti's htools with ganetid as their cluster: do they read it, and do they read the right numbers.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

TOOLS = ("hinfo", "hbal", "hspace", "hcheck", "hscan", "hroller")
COUNT = 3
MEMORY = 256
VCPUS = 1
DISK = 1024
SLACK = 1024  # MiB of memory that other programs may take between two questions
PATIENCE_S = 60.0
Facts = Mapping[str, Any]


class Cluster:
    """The remote API, for what is asked beside the tools."""

    def __init__(self, port: int) -> None:
        self.url = f"https://ro:ro@127.0.0.1:{port}"
        self._base = f"https://127.0.0.1:{port}"
        self._context = ssl._create_unverified_context()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer."""
        request = urllib.request.Request(self._base + path, method=method)
        request.add_header("authorization", f"Basic {base64.b64encode(b'admin:secret').decode()}")
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, data, context=self._context) as answer:
            return json.load(answer)

    def create(self, number: int) -> None:
        """Make an instance."""
        body = {
            "__version__": 1, "mode": "create", "name": f"ht{number}.example.com",
            "disk_template": "file", "disks": [{"size": DISK}], "nics": [{}],
            "os": "dummy+default", "beparams": {"memory": MEMORY, "vcpus": VCPUS},
            "ip_check": False, "name_check": False,
        }  # fmt: skip
        job = self.ask("POST", "/2/instances", body)
        deadline = time.monotonic() + PATIENCE_S
        while (status := self.ask("GET", f"/2/jobs/{job}")["status"]) != "success":
            if status in {"error", "canceled"} or time.monotonic() > deadline:
                raise RuntimeError(f"job {job}: {status}")
            time.sleep(0.05)


def judged(port: int) -> dict[str, tuple[int, int, int]]:
    """(passed, failed, skipped) of each tool."""
    cluster = Cluster(port)
    for number in range(COUNT):
        cluster.create(number)
    node = cluster.ask("GET", "/2/nodes?bulk=1")[0]
    return {f"ganeti-{tool}": _judged(tool, cluster.url, node) for tool in TOOLS}


def _judged(tool: str, url: str, node: Facts) -> tuple[int, int, int]:
    if shutil.which(tool) is None:
        print(f"{tool}: Debian's ganeti-htools is not installed")
        return 0, 0, len(CLAIMS[tool])
    with tempfile.TemporaryDirectory() as place:
        where = ("-d", place, url) if tool == "hscan" else ("-m", url)
        run = subprocess.run(
            [tool, *OPTIONS[tool], *where],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        written = [path.read_text() for path in Path(place).iterdir()]
    said = "".join((run.stdout, run.stderr, *written))
    wrong = [] if run.returncode == 0 else [f"ended with {run.returncode}"]
    wrong += [claim for claim, holds in CLAIMS[tool].items() if not holds(said, node)]
    if wrong:
        print(f"{tool}:", *wrong, said, sep="\n    ")
    return len(CLAIMS[tool]) + 1 - len(wrong), len(wrong), 0


OPTIONS: Mapping[str, tuple[str, ...]] = {
    "hinfo": ("--print-nodes",),
    "hbal": ("--print-instances", "-p"),
    "hspace": ("--disk-template=file", "--machine-readable=yes"),
    "hcheck": ("--machine-readable=yes", "--no-capacity-checks"),
    "hscan": ("--print-nodes",),
    "hroller": ("--ignore-non-redundant", "--print-moves"),
}
COLUMNS = ("name", "t_mem", "n_mem", "i_mem", "x_mem", "f_mem", "u_mem", "r_mem", "t_dsk", "f_dsk",
           "pcpu", "vcpu", "pcnt", "scnt")  # fmt: skip


def _row(said: str) -> dict[str, str]:
    """The line of node1 in the tool's table."""
    found = re.search(r"^\s+[*-]?\s*(node1(?:\s+-?[\d.]+)+)", said, re.MULTILINE)
    return dict(zip(COLUMNS, found[1].split(), strict=False)) if found else {}


def _near(text: str | None, value: float) -> bool:
    return text is not None and abs(float(text) - value) <= SLACK


def _value(said: str, name: str) -> str | None:
    found = re.search(rf"^(?:HTS|HCHECK)_{name}=(.*)$", said, re.MULTILINE)
    return found[1] if found else None


Claims = Mapping[str, Callable[[str, Facts], bool]]
_NODE: Claims = {
    "the node's memory": lambda said, node: _near(_row(said).get("t_mem"), node["mtotal"]),
    "its free memory": lambda said, node: _near(_row(said).get("f_mem"), node["mfree"]),
    "its guests' memory": lambda said, node: _row(said).get("i_mem") == str(COUNT * MEMORY),
    "no memory that nobody has": lambda said, node: _near(_row(said).get("x_mem"), 0),
    "its processors": lambda said, node: _row(said).get("pcpu") == str(node["ctotal"]),
    "its instances": lambda said, node: _row(said).get("pcnt") == str(COUNT),
}
CLAIMS: Mapping[str, Claims] = {
    "hinfo": {
        "what is there": lambda said, node: f"Loaded 1 node, {COUNT} instances" in said,
        "health": lambda said, node: "Cluster is N+1 happy" in said,
        **_NODE,
    },
    "hbal": {
        "what is there": lambda said, node: f"Loaded 1 nodes, {COUNT} instances" in said,
        "health": lambda said, node: "0 bad nodes, 0 bad instances" in said,
        "instances": lambda said, node: (
            len(re.findall(rf"ht\d\.example\.com node1\s+Y\s+{VCPUS}\s+{MEMORY}\s", said)) == COUNT
        ),
        **_NODE,
    },
    "hspace": {
        "that it could calculate": lambda said, node: _value(said, "OK") == "1",
        "memory": lambda said, node: _near(_value(said, "CLUSTER_MEM"), node["mtotal"]),
        "free memory": lambda said, node: _near(_value(said, "INI_MEM_FREE"), node["mfree"]),
        "memory of instances": lambda said, node: (
            _value(said, "INI_MEM_INST") == str(COUNT * MEMORY)
        ),
        "instances": lambda said, node: _value(said, "INI_INST_CNT") == str(COUNT),
        "processors": lambda said, node: _value(said, "CLUSTER_CPU") == str(node["ctotal"]),
        "the policy's ratio": lambda said, node: (
            _value(said, "CLUSTER_VCPU") == str(4 * node["ctotal"])
        ),
    },
    "hcheck": {
        "that it could judge": lambda said, node: _value(said, "OK") == "1",
        "health": lambda said, node: _value(said, "FINAL_CLUSTER_NEED_REBALANCE") == "0",
        "nodes that are N+1 happy": lambda said, node: _value(said, "INIT_CLUSTER_N1_FAIL") == "0",
        "nobody on offline nodes": lambda said, node: (
            _value(said, "INIT_CLUSTER_OFFLINE_PRI") == "0"
        ),
    },
    "hscan": {
        "what is there": lambda said, node: (
            re.search(rf"^https:\S+\s+1\s+{COUNT}\s+0\s+0\s", said, re.MULTILINE) is not None
        ),
        "instances, written down": lambda said, node: (
            len(
                re.findall(
                    rf"^ht\d\.example\.com\|{MEMORY}\|{DISK}\|{VCPUS}\|running\|Y\|node1\|",
                    said,
                    re.MULTILINE,
                )
            )
            == COUNT
        ),
        "the master node, written down": lambda said, node: (
            re.search(r"^node1\|\d+\|\d+\|.*\|M\|", said, re.MULTILINE) is not None
        ),
        **_NODE,
    },
    "hroller": {
        "a group of nodes to reboot": lambda said, node: (
            re.search(r"'Node Reboot Groups'\nnode1\b", said) is not None
        ),
    },
}
