"""
Which of Tempest's tests judge us, by name of the part, and how its cloud must be.
"""

from __future__ import annotations

from attrs import frozen

from tests.conformance.cyclades.cloud import Mode


@frozen
class Slice:
    """
    tests: a regular expression of names.  mode: of the cloud that they are made for.
    """

    name: str
    tests: str
    mode: Mode


SLICES = {
    one.name: one
    for one in (
        Slice("compute", r"^tempest\.(serial_tests\.)?api\.compute\.", "fake"),
        Slice("network", r"^tempest\.(serial_tests\.)?api\.network\.", "fake"),
        Slice("volume", r"^tempest\.(serial_tests\.)?api\.volume\.", "fake"),
        Slice("consoles", r"^tempest\.api\.compute\..*(novnc|console)", "kvm"),
        Slice("scenario", r"^tempest\.(serial_tests\.)?scenario\.", "kvm"),
    )
}


def slice_of(word: str, mode: Mode | None) -> Slice:
    """
    The slice of that name, else one without a name, of the tests that match `word`.  mode: None is
    the slice's own, "fake" for one without a name.
    """
    known = SLICES.get(word)
    if known is None:
        return Slice("", word, mode or "fake")
    return Slice(known.name, known.tests, mode or known.mode)
