"""
What ganeti-rapi-client-python 0.0.1 sends and wants back, as it sends it: by requests, with a JSON
content type on every request, and the fields of its data classes.

Source: codefritzel/ganeti-rapi-client-python, which was run whole against this daemon.
"""

from __future__ import annotations

import atexit
import time
import warnings
from functools import cache
from typing import Any
from unittest import TestCase

import requests

from benchmarks.rapi.daemon import Daemon, running_daemon

OF_INSTANCE = {
    "name", "admin_state", "os", "pnode", "snodes", "disk_template", "nic_ips", "nic_macs",
    "nic_modes", "nic_uuids", "nic_names", "nic_links", "nic_networks", "nic_networks_names",
    "nic_bridges", "network_port", "disk_sizes", "disk_spindles", "disk_uuids", "disk_names",
    "disk_usage", "beparams", "hvparams", "oper_state", "oper_ram", "oper_vcpus", "status",
    "ctime", "mtime", "uuid", "serial_no", "tags",
}  # fmt: skip
OF_NODE = {
    "name", "offline", "master_candidate", "drained", "dtotal", "dfree", "sptotal", "spfree",
    "mtotal", "mnode", "mfree", "pinst_cnt", "sinst_cnt", "ctotal", "cnos", "cnodes", "csockets",
    "pip", "sip", "role", "pinst_list", "sinst_list", "master_capable", "vm_capable", "ndparams",
    "group_uuid", "ctime", "mtime", "uuid", "serial_no", "tags", "secondary_ip",
}  # fmt: skip
OF_JOB = {"id", "status", "ops", "opstatus", "opresult"}
CREATE = {
    "ip_check": False, "name_check": False, "start": True, "ignore_ipolicy": False, "name": "web",
    "disk_template": "diskless", "disks": [], "nics": [{}], "os": "image+default",
    "pnode": "node1", "beparams": {"vcpus": 1, "memory": 128}, "__version__": 1, "mode": "create",
}  # fmt: skip
FINAL = {"canceled", "success", "error"}


@cache
def shared_daemon() -> Daemon:
    """One daemon, ended with the process."""
    running = running_daemon()
    atexit.register(running.__exit__, None, None, None)
    return running.__enter__()


class RequestsClientTests(TestCase):
    """A session of requests, over TLS."""

    def setUp(self) -> None:
        warnings.simplefilter("ignore")  # nobody verifies the certificate
        self.base = f"{shared_daemon().base}/2"
        self.session = requests.Session()
        self.addCleanup(self.session.close)
        self.session.trust_env = False
        self.session.verify = False
        self.session.auth = ("admin", "secret")
        kind = "application/json"
        self.session.headers.update({"Content-Type": kind, "Accept": kind})

    def call(self, method: str, path: str, **given: Any) -> Any:
        answer = self.session.request(method, f"{self.base}/{path}", timeout=30, **given)
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()

    def done(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        """The job, by asking again and again."""
        number = self.call(method, path, **given)
        while True:
            job: dict[str, Any] = self.call("GET", f"jobs/{number}")
            if job["status"] in FINAL:
                return job
            time.sleep(0.02)

    def test_life(self) -> None:
        """Instances are made, changed, asked for and removed; all wanted fields are told."""
        job = self.done("POST", "instances", json=CREATE)
        self.assertEqual(job["status"], "success", job["opresult"])
        self.assertLessEqual(OF_JOB, set(job))
        self.assertEqual([each["id"] for each in self.call("GET", "instances")], ["web"])
        told = self.call("GET", "instances/web", params={})
        self.assertLessEqual(OF_INSTANCE, {name.replace(".", "_") for name in told})
        for request in (
            ("PUT", "instances/web/modify", {"beparams": {"vcpus": 2}}),
            ("PUT", "instances/web/shutdown", {}),
            ("PUT", "instances/web/startup", {}),
            ("POST", "instances/web/reboot", {}),
        ):
            job = self.done(request[0], request[1], json=request[2])
            self.assertEqual(job["status"], "success", job["opresult"])
        for static in (0, 1):
            job = self.done("GET", "instances/web/info", params={"static": static})
            self.assertEqual(set(job["opresult"][0]), {"web"})
        for refused in ("migrate", "failover"):
            job = self.done("PUT", f"instances/web/{refused}", json={})
            self.assertEqual(job["opresult"][0][0], "OpPrereqError")
        self.assertEqual(self.done("DELETE", "instances/web")["status"], "success")

    def test_nodes_and_refusals(self) -> None:
        """Every field of a node; refusals as JSON with a message and an explanation."""
        self.assertEqual([each["id"] for each in self.call("GET", "nodes")], ["node1"])
        told = self.call("GET", "nodes/node1")
        self.assertLessEqual(OF_NODE, {name.replace(".", "_") for name in told})
        for path, status in (("instances/absent", 404), ("jobs/999999", 404), ("nodes/x", 404)):
            answer = self.session.get(f"{self.base}/{path}", timeout=30)
            self.assertEqual(answer.status_code, status)
            self.assertEqual(set(answer.json()), {"code", "message", "explain"})
        self.session.auth = ("admin", "guess")
        self.assertEqual(self.session.get(f"{self.base}/nodes", timeout=30).status_code, 401)
