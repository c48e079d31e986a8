"""
When space of deleted volumes is looked for.
"""

from __future__ import annotations

SHARE = 20  # a pass takes at most this part of all time
LONGEST_DEBOUNCES = 10  # while deletions go on
RETRY_S = 30.0


class Schedule:
    """
    Families in which something was deleted, and the moment of the next pass.  Seconds are those of
    any clock.
    """

    def __init__(self, debounce_s: float, now_s: float) -> None:
        self._debounce_s = debounce_s
        self._is_all = True  # nobody knows what was deleted before
        self._families: set[int] = set()
        self._first_s = self._last_s = now_s
        self._not_before_s = now_s

    @property
    def families(self) -> set[int] | None:
        """
        Those to look at; None for all.
        """
        return None if self._is_all else set(self._families)

    def deleted(self, family: int, now_s: float) -> None:
        """
        A volume of the family was deleted.
        """
        if not self._is_all and not self._families:
            self._first_s = now_s
        self._families.add(family)
        self._last_s = now_s

    def due_s(self) -> float | None:
        """
        When a pass should begin; None: there is nothing to do.
        """
        if not self._is_all and not self._families:
            return None
        settled_s = self._last_s + self._debounce_s
        patient_s = self._first_s + self._debounce_s * LONGEST_DEBOUNCES
        return max(min(settled_s, patient_s), self._not_before_s)

    def begun(self) -> set[int] | None:
        """
        A pass begins: the families it is to look at (None for all), which count as done.
        """
        families = self.families
        self._is_all = False
        self._families = set()
        return families

    def ended(self, now_s: float, duration_s: float) -> None:
        """
        The pass came to its end.
        """
        self._not_before_s = now_s + duration_s * SHARE

    def failed(self, families: set[int] | None, now_s: float, duration_s: float) -> None:
        """
        The pass did not come to its end.
        """
        self.ended(now_s, duration_s)
        self._not_before_s = max(self._not_before_s, now_s + RETRY_S)
        self._is_all = self._is_all or families is None
        self._families |= families or set()
        self._first_s = self._last_s = now_s
