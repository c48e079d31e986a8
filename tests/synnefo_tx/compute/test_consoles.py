"""
Consoles, and what guests use.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from synnefo_tx.compute.rows.tables import clusters
from tests.synnefo_tx.compute.actions.asking import ActionCase
from tests.synnefo_tx.compute.cloud import ADMIN, BOB, READER

TOLD: dict[str, Any] = {
    "state": "running",
    "memory_mib": 128,
    "resident_bytes": 64 * 1024 * 1024,
    "cpu_s": 1.5,
    "drives": [
        {"id": "a", "read_bytes": 1, "written_bytes": 2, "reads": 3, "writes": 4, "flushes": 5}
    ],
    "nics": [
        {
            "tap": "tap1",
            "received_bytes": 1,
            "sent_bytes": 2,
            "received_packets": 3,
            "sent_packets": 4,
        }
    ],
}


class ConsoleTests(ActionCase):
    """
    Where a browser finds a guest's screen, or its serial port.
    """

    def setUp(self) -> None:
        super().setUp()
        self.cloud.looks["console"] = {"tokens": {"vnc": "a.b-c", "serial": "d.e"}}
        with self.cloud.database.engine.begin() as connection:
            connection.execute(update(clusters).values(console_url="https://there:6080"))

    def asked(self, protocol: str, kind: str, version: str = "2.6", **more: Any) -> Any:
        path = f"/servers/{self.server}/remote-consoles"
        body = {"remote_console": {"protocol": protocol, "type": kind}}
        return self.cloud.nova("POST", path, body, version=version, **more)

    def test_remote_consoles(self) -> None:
        """A page of noVNC's, and a WebSocket."""
        page = "https://there:6080/vnc_lite.html?path=%3Ftoken%3Da.b-c"
        for protocol, kind, url in (
            ("vnc", "novnc", page),
            ("serial", "serial", "wss://there:6080/?token=d.e"),
        ):
            shown = {"protocol": protocol, "type": kind, "url": url}
            self.assertEqual(self.asked(protocol, kind).json, {"remote_console": shown})

    def test_actions(self) -> None:
        """Before 2.6."""
        answer = self.act("os-getVNCConsole", {"type": "novnc"})
        self.assertEqual(answer.json["console"]["type"], "novnc")
        self.assertIn("token%3Da.b-c", answer.json["console"]["url"])
        late = self.act("os-getVNCConsole", {"type": "novnc"}, version="2.6")
        self.assertEqual(
            late.json["badRequest"]["message"], "There is no such action: os-getVNCConsole"
        )
        self.assertEqual(self.asked("vnc", "novnc", "2.5").status, 404)

    def test_kinds_that_are_not_there(self) -> None:
        """Guests' screens speak VNC alone."""
        for protocol, kind, version in (
            ("spice", "spice-html5", "2.6"),
            ("rdp", "rdp-html5", "2.6"),
            ("mks", "webmks", "2.8"),
        ):
            answer = self.asked(protocol, kind, version)
            self.assertEqual(answer.status, 400)
            self.assertIn("Unavailable console type", answer.json["badRequest"]["message"])
        self.assertEqual(self.asked("mks", "webmks", "2.7").status, 400)
        with self.cloud.database.engine.begin() as connection:
            connection.execute(update(clusters).values(console_url=None))
        self.assertEqual(self.asked("vnc", "novnc").status, 400)

    def test_when_not(self) -> None:
        """While it is deleted, and before it came to run."""
        self.cloud.believe(self.server, task_state="deleting")
        self.assertEqual(self.asked("vnc", "novnc").status, 409)
        self.cloud.believe(self.server, task_state=None, launched_at=None)
        self.assertEqual(
            self.asked("vnc", "novnc").json["conflictingRequest"]["message"],
            f"Instance {self.server} is not ready",
        )

    def test_who_may(self) -> None:
        """Its members; and each is a line of the audit log, without its token."""
        self.assertEqual(self.asked("vnc", "novnc", user=READER).status, 403)
        self.assertEqual(self.asked("vnc", "novnc", user=BOB).status, 404)
        self.asked("vnc", "novnc")
        self.assertEqual(
            [line for line in self.logged() if "console" in line[0]],
            [("os_compute_api:os-remote-consoles", "alice", self.server)],
        )


class DiagnosticsTests(ActionCase):
    """
    /servers/<id>/diagnostics.
    """

    def setUp(self) -> None:
        super().setUp()
        self.cloud.looks["statistics"] = TOLD

    def told(self, version: str | None = None, user: str = ADMIN) -> Any:
        return self.cloud.nova("GET", f"/servers/{self.server}/diagnostics", None, user, version)

    def test_before_2_48(self) -> None:
        """As libvirt's users know it."""
        shown = self.told().json
        self.assertEqual(
            (shown["cpu0_time"], shown["vda_read"], shown["tap1_tx"], shown["memory"]),
            (1_500_000_000, 1, 2, 128 * 1024),
        )

    def test_since_2_48(self) -> None:
        """One form for all."""
        shown = self.told("2.48").json
        self.assertEqual(
            (shown["state"], shown["num_cpus"], shown["num_disks"], shown["num_nics"]),
            ("running", 1, 1, 1),
        )
        self.assertEqual(shown["memory_details"], {"maximum": 128, "used": 64})
        self.assertEqual(shown["disk_details"][0]["write_requests"], 4)
        nic = shown["nic_details"][0]
        (address,) = self.shown()["addresses"]["default"]
        self.assertEqual(
            (nic["mac_address"], nic["rx_octets"]), (address["OS-EXT-IPS-MAC:mac_addr"], 1)
        )

    def test_one_that_is_off(self) -> None:
        """There is nothing to count."""
        self.cloud.believe(self.server, vm_state="stopped", power_state=4)
        text = (
            f"Cannot 'get_diagnostics' instance {self.server} while it is in power_state shutdown"
        )
        self.assertEqual(self.told().json["conflictingRequest"]["message"], text)

    def test_who_may(self) -> None:
        """Administrators."""
        self.assertEqual(self.told(user="alice").status, 403)
