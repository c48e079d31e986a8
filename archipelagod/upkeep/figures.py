"""
What upkeep did, as Prometheus reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_BY_JOB = (
    ("passes", "counter", "passes_total", "Passes that came to their end."),
    ("failures", "counter", "failures_total", "Passes that did not."),
    ("seconds", "counter", "seconds_total", "Time taken."),
    ("last_seconds", "gauge", "last_seconds", "Time the last pass took."),
    ("is_running", "gauge", "running", "Whether a pass is at work."),
    ("done", "gauge", "progress_done", "How far the last pass is, of progress_parts."),
    ("total", "gauge", "progress_parts", "Parts of the last pass."),
    ("maps", "counter", "maps_total", "Maps, and pages of names, looked at."),
    ("objects", "counter", "objects_removed_total", "Objects removed."),
    ("blocks", "counter", "blocks_removed_total", "Blocks removed."),
    ("records", "counter", "records_removed_total", "Bodies, lists and journals removed."),
    ("freed_bytes", "counter", "freed_bytes_total", "Bytes given back to the medium."),
    ("read_bytes", "counter", "read_bytes_total", "Bytes checked."),
)


def lines(jobs: dict[str, dict[str, Any]]) -> Iterator[str]:
    """
    Of what ``Upkeep.statistics`` gives.
    """
    for key, kind, name, text in _BY_JOB:
        yield f"# HELP archipelagod_upkeep_{name} {text}"
        yield f"# TYPE archipelagod_upkeep_{name} {kind}"
        for job, counts in jobs.items():
            yield f'archipelagod_upkeep_{name}{{job="{job}"}} {+counts[key]}'
    yield "# HELP archipelagod_scrub_findings What the last scrub found."
    yield "# TYPE archipelagod_scrub_findings gauge"
    for kind, count in sorted(jobs.get("scrub", {}).get("findings", {}).items()):
        yield f'archipelagod_scrub_findings{{kind="{kind}"}} {count}'
