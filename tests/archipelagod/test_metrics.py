"""
Figures for monitoring, as Prometheus' own parser reads them.
"""

from __future__ import annotations

from typing import Any

import treq
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.metrics import PIECE_BYTES, pieces
from tests.archipelagod.running import MIB, StorageCase

FIGURES: dict[str, Any] = {
    "upkeep": {},
    "volumes": {
        "v.1": {
            "connections": 2,
            "size_bytes": 4096,
            "dirty_bytes": 7,
            "flush_groups": 3,
            "largest_flush_group": 9,
            "operations": {
                "read": {
                    "count": 6,
                    "bytes": 600,
                    "errors": 1,
                    "microseconds": 2_500_000,
                    "latency": [1, 0, 5],
                }
            },
        }
    },
}


def samples(text: str) -> dict[str, float]:
    """
    Values by name and labels.
    """
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def rendered(statistics: dict[str, Any]) -> str:
    """All pieces."""
    return b"".join(pieces(statistics)).decode()


class RenderingTests(SynchronousTestCase):
    """pieces"""

    def test_values(self) -> None:
        """Every figure of a volume is there, under its name."""
        found = samples(rendered(FIGURES))
        front, of_read = "archipelagod_volume_", "{operation=read,volume=v.1}"
        for name, value in {
            "connections": 2,
            "size_bytes": 4096,
            "dirty_bytes": 7,
            "flushes_total": 3,
            "largest_flush_group": 9,
        }.items():
            self.assertEqual(found[f"{front}{name}{{volume=v.1}}"], value)
        self.assertEqual(found[f"{front}bytes_total{of_read}"], 600)
        self.assertEqual(found[f"{front}errors_total{of_read}"], 1)
        self.assertEqual(found["archipelagod_volumes_open{}"], 1)

    def test_histogram(self) -> None:
        """Buckets add up, and have their bounds in seconds."""
        found = samples(rendered(FIGURES))
        name = "archipelagod_volume_request_seconds"
        buckets = {
            bound: found[f"{name}_bucket{{le={bound},operation=read,volume=v.1}}"]
            for bound in ("1e-06", "2e-06", "4e-06", "+Inf")
        }
        self.assertEqual(buckets, {"1e-06": 1, "2e-06": 1, "4e-06": 6, "+Inf": 6})
        self.assertEqual(found[f"{name}_count{{operation=read,volume=v.1}}"], 6)
        self.assertEqual(found[f"{name}_sum{{operation=read,volume=v.1}}"], 2.5)

    def test_many(self) -> None:
        """
        Of a thousand volumes some lines at a time are text, and a volume that did nothing has no
        histogram.
        """
        used = FIGURES["volumes"]["v.1"]
        idle = {**used, "operations": {}}
        volumes = {f"v{number}": used if number % 2 else idle for number in range(1000)}
        found = list(pieces({"upkeep": {}, "volumes": volumes}))
        self.assertGreater(len(found), 5)
        self.assertLess(max(map(len, found)), PIECE_BYTES + 200)
        lines = b"".join(found).decode().splitlines()
        of_idle = [line for line in lines if 'volume="v10"' in line]
        of_used = [line for line in lines if 'volume="v11"' in line]
        self.assertEqual((len(of_idle), len(of_used)), (5, 13))

    def test_nothing_open(self) -> None:
        """A daemon that serves nothing has figures too."""
        found = samples(rendered({"volumes": {}, "upkeep": {}}))
        self.assertEqual(found["archipelagod_volumes_open{}"], 0)


class EndpointTests(StorageCase):
    """metrics_listen"""

    async def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page."""
        address = self.service._listeners[-1]._waitingForPort.result.getHost()  # type: ignore[attr-defined]
        response = await treq.get(f"http://127.0.0.1:{address.port}{path}", persistent=False)
        return response.code, await response.text()

    async def test_served(self) -> None:
        """Both pages are there, with the work of the workers counted."""
        self.service = await self.serve(metrics_listen="tcp:0:interface=127.0.0.1")
        client = self.client()
        await client.create("v", MIB)
        await client.write("v", 0, b"x" * 1000)
        await client.flush("v")
        self.assertEqual(await self.get("/healthz"), (200, "ok\n"))
        code, text = await self.get("/metrics")
        found = samples(text)
        self.assertEqual(code, 200)
        written = found["archipelagod_volume_bytes_total{operation=write,volume=v}"]
        self.assertEqual(written, 1000)
        flushes = found["archipelagod_volume_request_seconds_count{operation=flush,volume=v}"]
        self.assertEqual(flushes, 1)
        self.assertEqual((await self.get("/else"))[0], 404)
