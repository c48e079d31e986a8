"""
Which calls of a store fail, and how.  Standard library only.
"""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import threading
import time
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

MOMENTS = ("before", "torn", "after")


class Rule(NamedTuple):
    """
    calls: patterns of ``part.method``, such as ``objects.write`` or ``log.*``; parts are objects,
    records, log, blocks, leases and lease.
    chance: of a call that fits.  skip: calls that fit and are spared first.  times: how often the
    rule strikes (None: always).
    error: name of an error number; "" raises none.  delay_s: wait before.  kill: end this process
    by SIGKILL.
    moment: ``before`` the call is made; ``torn``: when part of a write is made; ``after``: it was
    made, and only the answer is an error.
    """

    calls: list[str]
    chance: float = 1.0
    skip: int = 0
    times: int | None = None
    error: str = ""
    delay_s: float = 0.0
    kill: bool = False
    moment: str = "before"


class Fault(NamedTuple):
    """
    What befalls one call.  share: how much of a torn write is made, 0..1.
    """

    number: int
    delay_s: float
    kills: bool
    moment: str
    share: float

    def wait(self) -> None:
        """
        The delay.
        """
        if self.delay_s:
            time.sleep(self.delay_s)

    def strike(self) -> None:
        """
        The end of the process, or OSError; or nothing.
        """
        if self.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.number:
            raise OSError(self.number, f"{os.strerror(self.number)} (as planned)")


class FaultPlan:
    """
    A JSON file: ``{"seed": 1, "unsynced": "/directory or nothing", "rules": [Rule, ...]}``.  The
    first rule that fits and strikes has the call.  Read again when it changes (replace it by
    rename); ``unsynced`` counts only when the store is opened.

    unsynced: where ``archipelagod.stores.power_cut`` keeps what a power cut would take.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen_ns = -1
        self._rules: list[Rule] = []
        self._fitted: list[int] = []
        self._struck: list[int] = []
        self._chance = random.Random()
        self.unsynced = ""
        self._read()

    def _read(self) -> None:
        changed_ns = os.stat(self._path).st_mtime_ns  # noqa: PTH116 - pathlib costs start time
        if changed_ns == self._seen_ns:
            return
        with open(self._path, "rb") as file:  # noqa: PTH123
            plan = json.load(file)
        self._rules = [_rule(told) for told in plan.get("rules", ())]
        self._fitted = [0] * len(self._rules)
        self._struck = [0] * len(self._rules)
        self._chance.seed(f"{plan.get('seed', 0)}.{os.getpid()}")
        self.unsynced = plan.get("unsynced", "")
        self._seen_ns = changed_ns

    def fault(self, call: str) -> Fault | None:
        """
        What befalls this call; None if nothing does.
        """
        with self._lock:
            self._read()
            for index, rule in enumerate(self._rules):
                if any(fnmatchcase(call, pattern) for pattern in rule.calls) and self._strikes(
                    index, rule
                ):
                    number = getattr(errno, rule.error) if rule.error else 0
                    share = self._chance.random()
                    return Fault(number, rule.delay_s, rule.kill, rule.moment, share)
        return None

    def _strikes(self, index: int, rule: Rule) -> bool:
        self._fitted[index] += 1
        if self._fitted[index] <= rule.skip or self._struck[index] == rule.times:
            return False
        if self._chance.random() >= rule.chance:
            return False
        self._struck[index] += 1
        return True


def _rule(told: dict[str, Any]) -> Rule:
    """
    A rule of the plan.  Raises ValueError.
    """
    try:
        rule = Rule(**told)
    except TypeError as error:
        raise ValueError(f"{told}: {error}") from error
    if rule.moment not in MOMENTS:
        raise ValueError(f"{told}: moment is one of {', '.join(MOMENTS)}")
    if rule.error and not isinstance(getattr(errno, rule.error, None), int):
        raise ValueError(f"{told}: there is no error {rule.error}")
    return rule
