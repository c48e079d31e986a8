"""
docs/conformance.md: a section for each part of Tempest's tests, written by the run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from tests.conformance.tempest.runs import RELEASE, Outcome

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
LONGEST = 240
OF_TEST = re.compile(r'  File "\S*/(tempest/(?:serial_tests/|api/|scenario/|common/)\S+", line .*)')
IDS = re.compile(r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b|\b[0-9a-f]{32}\b")
GENERATED = re.compile(r"(tempest-[A-Za-z0-9_-]*?)-[0-9]{6,}")


def reason(said: str) -> str:
    """
    The line of a traceback or of a skip that tells why, without ids that change from run to run.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    raised = [
        line for line in lines if re.match(r"[A-Za-z_][\w.]*(Exception|Error|[A-Z]\w*): ", line)
    ]
    details = [line for line in lines if line.startswith("Details:")]
    chosen = (raised or lines or ["?"])[-1] + (f" {details[-1]}" if details and raised else "")
    told = GENERATED.sub(r"\1-N", IDS.sub("ID", chosen))
    return told if len(told) <= LONGEST else told[:LONGEST] + "..."


def write(name: str, mode: str, outcomes: Sequence[Outcome]) -> None:
    """
    Put what became of the part `name` into the page, instead of what it said of it before.
    """
    PAGE.write_text(replaced(PAGE.read_text(), name, section(name, mode, outcomes)))


def shown(said: str) -> str:
    """
    Of a traceback: where in the tests it was, and what was raised, indented.
    """
    places = [f"    at {found[1]}" for found in map(OF_TEST.match, said.splitlines()) if found]
    raised = said.partition("tempest.lib.exceptions.")[2] or said.splitlines()[-1]
    return "\n".join([*places, *(f"    {line}" for line in raised.strip().splitlines()[:12])])


def section(name: str, mode: str, outcomes: Sequence[Outcome]) -> str:
    """
    The part of the page that tells of `name`.
    """
    numbers = Counter(one.outcome for one in outcomes)
    head = (
        f"## Tempest's {name} tests\n\n"
        f"Tempest {RELEASE}, with {'real' if mode == 'kvm' else 'no'} guests:"
        f" passed {numbers['passed']}, failed {numbers['failed']}, skipped {numbers['skipped']}.\n"
    )
    return head + _listed("Failed", outcomes, "failed") + _listed("Skipped", outcomes, "skipped")


def _listed(title: str, outcomes: Sequence[Outcome], outcome: str) -> str:
    chosen = sorted((reason(one.said), one.test) for one in outcomes if one.outcome == outcome)
    if not chosen:
        return ""
    blocks = []
    for why, group in groupby(chosen, key=lambda pair: pair[0]):
        tests = "".join(f"  - `{test.removeprefix('tempest.')}`\n" for _, test in group)
        blocks.append(f"- {_escaped(why)}\n{tests}")
    return f"\n{title}, by reason:\n\n" + "".join(blocks)


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "<>*_`[]|" else letter for letter in text)


def replaced(page: str, name: str, text: str) -> str:
    """
    The page with the section of `name` changed to `text`, or `text` added.
    """
    head = re.escape(f"## Tempest's {name} tests\n")
    found = re.search(rf"^{head}.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if found is None:
        return page.rstrip("\n") + "\n\n" + text
    rest = page[found.end() :]
    return page[: found.start()] + text.rstrip("\n") + "\n" + (f"\n{rest}" if rest else "")
