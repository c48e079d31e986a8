"""
Every target with hypothesis: arbitrary bytes, and valid ones in which something was changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz import CORPUS
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

SEEDS = seeds()


@st.composite
def changed(draw: Any, valid: list[bytes]) -> bytes:
    """A valid input with some bytes replaced, taken out or put in."""
    data = bytearray(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 4))
        data[at : at + cut] = draw(st.binary(max_size=6))
    return bytes(data)


def test_of(name: str, target: Callable[[bytes], None]) -> Callable[..., None]:
    """The test of one target."""
    anything = st.binary(max_size=3000)
    inputs = anything | changed(SEEDS[name])

    @settings(max_examples=100, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def test(_: TargetTests, data: bytes) -> None:
        target(data)

    test.__name__ = f"test_{name}"
    test.__doc__ = f"{name}: {(target.__doc__ or '').strip()}"
    return test


class TargetTests(SynchronousTestCase):
    """targets.py"""

    def test_all_have_seeds(self) -> None:
        """No target starts from nothing."""
        self.assertEqual(set(SEEDS), set(TARGETS))

    def test_corpus(self) -> None:
        """Every input that was kept, and every valid one, does no harm."""
        for name, target in TARGETS.items():
            for path in sorted((CORPUS / name).glob("*")):
                target(path.read_bytes())
            for data in SEEDS[name]:
                target(data)


for _name, _target in TARGETS.items():
    setattr(TargetTests, f"test_{_name}", test_of(_name, _target))
