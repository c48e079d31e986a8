"""
How long servers were there in a span of time, and what they held meanwhile, in Nova's words.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from synnefo_tx.errors import BadRequest

FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")
SECOND, HOUR = 1_000_000, 3_600_000_000  # microseconds
Json = dict[str, Any]


@frozen
class Span:
    """
    From start to stop, microseconds since the epoch; now: not before stop.
    """

    start: int
    stop: int
    now: int


def read_span(start: str | None, stop: str | None, now_us: int) -> Span:
    """
    What is left out is now; nothing is told of the future.  Raises BadRequest.
    """
    begins = now_us if start is None else _moment(start)
    ends = now_us if stop is None else _moment(stop)
    if begins > ends:
        raise BadRequest("Invalid start time. The start time cannot occur after the end time.")
    return Span(begins, min(ends, now_us), now_us)


def _moment(text: str) -> int:
    for form in FORMATS:
        try:
            when = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return int(when.timestamp()) * SECOND + when.microsecond
    raise BadRequest("Datetime is in invalid format")


def by_project(rows: Iterable[Any], span: Span, *, detailed: bool) -> list[Json]:
    """
    One for each project of which there are rows of servers, in their order.
    """
    found: dict[str, Json] = {}
    for row in rows:
        one = _of_server(row, span)
        whole = found.setdefault(row.project_id, _nothing(row.project_id, span))
        hours = one["hours"]
        whole["total_hours"] += hours
        whole["total_memory_mb_usage"] += hours * one["memory_mb"]
        whole["total_local_gb_usage"] += hours * one["local_gb"]
        whole["total_vcpus_usage"] += hours * one["vcpus"]
        if detailed:
            whole.setdefault("server_usages", []).append(one)
    return list(found.values())


def _nothing(project_id: str, span: Span) -> Json:
    totals = ("total_hours", "total_memory_mb_usage", "total_local_gb_usage", "total_vcpus_usage")
    return {
        "tenant_id": project_id,
        "start": _shown(span.start),
        "stop": _shown(span.stop),
        **dict.fromkeys(totals, 0.0),
    }


def _of_server(row: Any, span: Span) -> Json:
    ended = row.deleted_at
    last = span.stop if ended is None else min(ended, span.stop)
    there = max(0, last - max(row.launched_at, span.start))
    return {
        "instance_id": row.id,
        "name": row.name,
        "tenant_id": row.project_id,
        "hours": there / HOUR,
        "vcpus": row.flavor["vcpus"],
        "memory_mb": row.flavor["ram"],
        "local_gb": row.flavor["disk"],
        "flavor": row.flavor["name"],
        "started_at": _shown(row.launched_at),
        "ended_at": None if ended is None else _shown(ended),
        "state": row.vm_state if ended is None else "terminated",
        "uptime": max(0, (span.now if ended is None else ended) - row.launched_at) // SECOND,
    }


def _shown(time_us: int) -> str:
    seconds, rest = divmod(time_us, SECOND)
    when = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f")
