"""
Our identity API, alone on its machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import api_daemon
from benchmarks.identity.place import Place


@contextmanager
def running(workers: int) -> Iterator[Place]:
    """
    An API that answers.
    """
    with api_daemon.running(workers) as api:
        yield Place(f"{api.url}/identity/v3", api.password, (api.pid,))
