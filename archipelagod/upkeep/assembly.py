"""
Upkeep of a store, put together.
"""

from __future__ import annotations

from typing import Any

from archipelagod.stores.store import Store
from archipelagod.threads import Threads
from archipelagod.upkeep.collector import Collector
from archipelagod.upkeep.counters import Counters
from archipelagod.upkeep.pace import ThreadClock
from archipelagod.upkeep.service import Upkeep
from archipelagod.upkeep.settings import UpkeepSettings

THREADS = 3  # a pass, objects of deleted volumes, a scrub


def upkeep_of(
    reactor: Any, store: Store, run_in_thread: Threads, settings: UpkeepSettings
) -> Upkeep:
    """
    Not started.  run_in_thread: for THREADS long calls, which nothing else waits for.
    """
    counters, clock = Counters(), ThreadClock()
    collector = Collector(store, settings, clock, counters)
    return Upkeep(reactor, collector, counters, clock, run_in_thread, settings)
