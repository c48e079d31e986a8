"""
The tests as runs of trial that go side by side: most tests wait more than they work.  Standard
library only.

Guests on emulated processors, and the clouds around them, want the machine to themselves: they come
when all others are done.
"""

from __future__ import annotations

from pathlib import Path

ALONE = "guests"  # the lane that comes last
OTHERS = "others"  # has whatever is not named here
LANES = {
    "chaos": ("chaos", "image"),
    "archipelagod": ("archipelagod", "fuzz", "interop"),
    "accounts": (
        "synnefo_tx.account",
        "synnefo_tx.audit",
        "synnefo_tx.identity",
        "synnefo_tx.openid",
        "synnefo_tx.people",
    ),
    "cloud": (
        "synnefo_tx.admin",
        "synnefo_tx.cluster",
        "synnefo_tx.compute",
        "synnefo_tx.daemon",
        "synnefo_tx.effect",
        "synnefo_tx.http",
        "synnefo_tx.image",
        "synnefo_tx.network",
        "synnefo_tx.processes",
        "synnefo_tx.quota",
        "synnefo_tx.store",
        "synnefo_tx.update",
        "synnefo_tx.volume",
    ),
    "nodes": ("ganetid.network", "ganetid.node", "ganetid.replication"),
    OTHERS: (),
    ALONE: ("end_to_end",),
}


def packages(root: Path) -> dict[str, list[str]]:
    """
    Of each lane, what trial is to run.  ``root``: the checkout.
    """
    named = {package for lane in LANES.values() for package in lane}
    lanes = {name: [f"tests.{each}" for each in lane] for name, lane in LANES.items()}
    shared = {name.partition(".")[0] for name in named if "." in name}
    found = {path.parent.name for path in root.glob("tests/*/__init__.py")} - shared
    for package in shared:
        found |= {f"{package}.{name}" for name in _inside(root / "tests" / package)}
    lanes[OTHERS] = [f"tests.{name}" for name in sorted(found - named)]
    return lanes


def _inside(package: Path) -> set[str]:
    """
    The packages and the modules with tests right below a package.
    """
    packages = {path.parent.name for path in package.glob("*/__init__.py")}
    return packages | {path.stem for path in package.glob("test_*.py")}


def commands(root: Path) -> dict[str, list[str]]:
    """
    Of each lane, the program and its arguments.
    """
    return {
        name: ["trial", f"--temp-directory=_trial_temp-{name}", *chosen]
        for name, chosen in packages(root).items()
    }
