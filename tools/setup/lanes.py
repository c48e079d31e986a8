"""
The tests as runs of trial that go side by side: most tests wait more than they work.  Standard
library only.

Guests on emulated processors, and the clouds around them, want the machine to themselves: they come
when all others are done.
"""

from __future__ import annotations

from pathlib import Path

ALONE = "guests"  # the lane that comes last
OTHERS = "others"  # has every package that is not named here
LANES = {
    "chaos": ("chaos", "image"),
    "archipelagod": ("archipelagod",),
    "synnefo_tx": ("synnefo_tx",),
    OTHERS: (),
    ALONE: ("end_to_end",),
}


def packages(root: Path) -> dict[str, list[str]]:
    """
    Of each lane, what trial is to run.  ``root``: the checkout.
    """
    named = {package for lane in LANES.values() for package in lane}
    found = {path.parent.name for path in root.glob("tests/*/__init__.py")}
    lanes = {name: [f"tests.{each}" for each in lane] for name, lane in LANES.items()}
    lanes[OTHERS] = [f"tests.{name}" for name in sorted(found - named)]
    return lanes


def commands(root: Path) -> dict[str, list[str]]:
    """
    Of each lane, the program and its arguments.
    """
    return {
        name: ["trial", f"--temp-directory=_trial_temp-{name}", *chosen]
        for name, chosen in packages(root).items()
    }
