"""
Figures of upkeep for Prometheus.
"""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.metrics import pieces
from archipelagod.upkeep.counters import JOBS, Counters
from archipelagod.volume.census import Step


class FiguresTests(SynchronousTestCase):
    """Counters, and how they are told."""

    def test_text(self) -> None:
        """Every job has every figure; what the last scrub found is told by kind."""
        counters = Counters()
        counters.begun("gc")
        counters.step("gc", Step(objects=2, freed_bytes=1 << 40))
        counters.step("gc", Step(objects=1))
        counters.ended("gc", 1.5)
        counters.begun("scrub")
        counters.ended("scrub", 2.5, "the disk is gone")
        counters.set("scrub", "findings", {"lost_object": 3})
        text = b"".join(pieces({"volumes": {}, "upkeep": counters.statistics()})).decode()
        found = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        self.assertEqual(found["archipelagod_upkeep_objects_removed_total", "gc"], 3)
        self.assertEqual(found["archipelagod_upkeep_freed_bytes_total", "gc"], 1 << 40)
        self.assertEqual(found["archipelagod_upkeep_passes_total", "gc"], 1)
        self.assertEqual(found["archipelagod_upkeep_failures_total", "scrub"], 1)
        self.assertEqual(found["archipelagod_scrub_findings", "lost_object"], 3)
        jobs = {job for name, job in (key for key in found if len(key) == 2) if "seconds" in name}
        self.assertEqual(jobs, set(JOBS))
