"""
What projects' servers have used, by os-simple-tenant-usage.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BOB, NOW, READER, Cloud, project_of

HOUR = 3_600_000_000  # in us
ROOT = "/os-simple-tenant-usage"
START, END = "2025-11-22T00:29:53", "2025-11-23T00:29:53.5"  # the cloud's now is an hour later


class UsageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.now = int(NOW * 1e6)

    def server(self, began: float, ended: float | None = None, user: str = ALICE) -> str:
        """
        A server that came up so many hours ago, and went.
        """
        server_id = self.cloud.active(user)
        values: dict[str, Any] = {"launched_at": self.now - int(began * HOUR)}
        if ended is not None:
            values |= {"deleted_at": self.now - int(ended * HOUR), "vm_state": "deleted"}
        self.cloud.believe(server_id, **values)
        return server_id

    def asked(self, path: str = "", user: str = ADMIN, **more: Any) -> Any:
        query = f"?start={START}&end={END}{more.pop('query', '')}"
        answer = self.cloud.nova("GET", f"{ROOT}{path}{query}", user=user, **more)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def test_of_one_project(self) -> None:
        """Hours within the span alone are counted, of servers that are gone, too."""
        there = self.server(began=5)  # four hours before the end of the span, and half a second
        gone = self.server(began=30, ended=23)  # two hours after its start
        self.server(began=50, ended=40)  # before it
        self.server(began=0.5)  # behind it
        self.server(began=5, user=BOB)
        usage = self.asked(f"/{project_of(ALICE)}", user=READER)["tenant_usage"]
        old, new = usage["server_usages"]
        self.assertEqual((old["instance_id"], new["instance_id"]), (gone, there))
        self.assertAlmostEqual(old["hours"], 2)
        self.assertAlmostEqual(new["hours"], 4 + 0.5 / 3600)
        self.assertEqual((old["state"], new["state"]), ("terminated", "active"))
        self.assertEqual((old["uptime"], new["uptime"]), (7 * 3600, 5 * 3600))
        self.assertEqual(new["ended_at"], None)
        self.assertEqual(new["started_at"], "2025-11-22T20:29:53.000000")
        hours = old["hours"] + new["hours"]
        self.assertAlmostEqual(usage["total_hours"], hours)
        self.assertAlmostEqual(usage["total_memory_mb_usage"], hours * new["memory_mb"])
        self.assertAlmostEqual(usage["total_vcpus_usage"], hours * new["vcpus"])
        self.assertAlmostEqual(usage["total_local_gb_usage"], hours * new["local_gb"])
        self.assertEqual(usage["start"], f"{START}.000000")
        self.assertEqual(len(usage), 8)

    def test_of_all(self) -> None:
        """By project, with its servers when asked for; a project without any has nothing."""
        self.server(began=5)
        self.server(began=4, user=BOB)
        found = self.asked()["tenant_usages"]
        self.assertEqual([one["tenant_id"] for one in found], [project_of(ALICE), project_of(BOB)])
        self.assertNotIn("server_usages", found[0])
        detailed = self.asked(query="&detailed=1")["tenant_usages"]
        self.assertEqual([len(one["server_usages"]) for one in detailed], [1, 1])
        self.assertEqual(self.asked(f"/{project_of(ADMIN)}"), {"tenant_usage": {}})

    def test_pages(self) -> None:
        """From 2.40 on: of so many servers, and the link to the next ones."""
        first, second = self.server(began=5), self.server(began=4)
        page = self.asked(query="&limit=1&detailed=1", version="2.40")
        [usage] = page["tenant_usages"]
        self.assertEqual([one["instance_id"] for one in usage["server_usages"]], [first])
        [link] = page["tenant_usages_links"]
        self.assertIn(f"marker={first}", link["href"])
        path, more = f"/{project_of(ALICE)}", {"user": ALICE, "version": "2.40"}
        rest = self.asked(path, query=f"&marker={first}", **more)
        self.assertEqual(
            [one["instance_id"] for one in rest["tenant_usage"]["server_usages"]], [second]
        )
        self.assertNotIn("tenant_usage_links", rest)
        whole = self.asked(query="&limit=1&detailed=1", version="2.39")["tenant_usages"]
        self.assertEqual(len(whole[0]["server_usages"]), 2)

    def test_refused(self) -> None:
        """Another project's, all projects' to users, and spans that are none."""
        mine, foreign = f"/{project_of(ALICE)}", self.server(began=5, user=BOB)
        for user, path, status in (
            (ALICE, "", 403),
            (ADMIN, "/", 404),
            (ALICE, f"/{project_of(BOB)}", 403),
            (ALICE, f"{mine}?start={END}&end={START}", 400),
            (ALICE, f"{mine}?start=yesterday", 400),
            (ALICE, f"{mine}?marker={foreign}", 400),
            (ALICE, f"{mine}?limit=x", 400),
        ):
            answer = self.cloud.nova("GET", f"{ROOT}{path}", user=user, version="2.40")
            self.assertEqual(answer.status, status, path)
