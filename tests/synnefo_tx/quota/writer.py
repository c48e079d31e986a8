"""
``python -m tests.synnefo_tx.quota.writer URL WHEN``: a process that asks for three servers and says
when it is at WHEN, where it stays until it is killed.
"""

from __future__ import annotations

import sys
import time

from synnefo_tx.quota.model import Payer, Provision, Wanted
from synnefo_tx.quota.registered import VM
from synnefo_tx.quota.rows import commissions
from synnefo_tx.store.database import open_engine

CLIENT = "cyclades"
PAYER = Payer("u-alice", "p1")


def main(url: str, when: str) -> None:
    """
    "taken": not committed yet.  "issued": committed, and nobody was told.  "resolving": accepted,
    and that not committed.
    """
    engine = open_engine(url)
    asked = [Provision(key, 3) for key in PAYER.keys(VM)]
    with engine.connect().execution_options(synnefo_write=True) as connection:
        with connection.begin():
            now_us = int(time.time() * 1e6)
            serial = commissions.issue(connection, Wanted(CLIENT, asked), now_us)
            if when == "taken":
                _stay()
        if when == "issued":
            _stay()
        with connection.begin():
            commissions.resolve(connection, CLIENT, [serial], [], int(time.time() * 1e6))
            _stay()


def _stay() -> None:
    print("here", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
