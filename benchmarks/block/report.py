"""
How results are told.

``figure: NAME VALUE UNIT ratio R to PEER goal G ok|short``: a ratio above 1 is better than the
peer, for latencies too.  The goal is a ratio, except where PEER is ``goal``: there nothing else is
in the run, the goal is in UNIT, and the ratio is to it.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from benchmarks.block.fio import Measured


class Figure(NamedTuple):
    """
    One result.  peer_value: of the peer, or the goal itself where ``peer`` is "goal".
    """

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float
    goal: float
    is_smaller_better: bool = False

    @property
    def ratio(self) -> float:
        """Above 1 when ours is better."""
        ours, theirs = max(self.value, 1e-9), max(self.peer_value, 1e-9)
        return theirs / ours if self.is_smaller_better else ours / theirs

    @property
    def is_short(self) -> bool:
        """Whether the goal was missed."""
        return self.ratio < (1 if self.peer == "goal" else self.goal)

    def line(self) -> str:
        """The line that is printed."""
        return (
            f"figure: {self.name} {number(self.value)} {self.unit} ratio {self.ratio:.2f} "
            f"to {self.peer} goal {self.goal:g} {'short' if self.is_short else 'ok'}"
        )


def within(name: str, value: float, unit: str, goal: float) -> Figure:
    """
    A figure that no peer has: at most ``goal``.
    """
    return Figure(name, value, unit, "goal", goal, goal, is_smaller_better=True)


class Report:
    """
    Prints figures as they come; remembers whether one is short.
    """

    def __init__(self) -> None:
        self.short: list[str] = []
        self.count = 0
        self._begun_s = time.monotonic()

    def add(self, figure: Figure) -> None:
        """Prints it."""
        self.count += 1
        if figure.is_short:
            self.short.append(figure.name)
        print(figure.line(), flush=True)

    def beside(self, name: str, server: str, value: float, unit: str, more: str) -> None:
        """What else was seen, without a goal."""
        print(f"beside: {name} {server} {number(value)} {unit} {more}", flush=True)

    def say(self, text: str) -> None:
        """A remark for who reads along, with the seconds since the start."""
        print(f"# {time.monotonic() - self._begun_s:.0f} s: {text}", flush=True)


def costs(measured: Measured) -> str:
    """
    What a measurement cost the server, and its latencies, in words.
    """
    cpu = (
        f"cpu {measured.cpu_s_per_gib:.2f} s/GiB {measured.cpu_s_per_million:.2f} s/million "
        f"others {measured.others:.1f} cores"
    )
    if not measured.p50_ms:
        return f"{cpu} mean {measured.mean_ms:.3f} ms"
    return f"{cpu} p50 {measured.p50_ms:.3f} ms p99 {measured.p99_ms:.3f} ms"


def number(value: float) -> str:
    """
    Three significant digits or more, without an exponent.
    """
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"
