"""
The memory store.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import Store, open_memory_store
from tests.contracts.blocks import blocks_tests
from tests.contracts.leases import leases_tests
from tests.contracts.object_store import object_store_tests


def make_store(case: SynchronousTestCase) -> Store:
    """An empty store."""
    return open_memory_store()


class MemoryStoreTests(object_store_tests(make_store)):  # type: ignore[misc]
    """The contract of objects and records."""


class MemoryBlocksTests(blocks_tests(make_store)):  # type: ignore[misc]
    """The contract of blocks."""


class MemoryLeasesTests(leases_tests(make_store)):  # type: ignore[misc]
    """The contract of leases."""
