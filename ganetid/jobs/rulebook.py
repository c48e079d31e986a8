"""
The job queue's rules as their operator reads and writes them: durable before it answers.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable, Iterable
from typing import Any

from attrs import evolve, frozen

from ganetid.cluster.model import DropFilter, FilterRule, PutFilter
from ganetid.jobs.filters import checked
from ganetid.jobs.floor import Floor
from ganetid.jobs.journal import Commit


class NoSuchRule(Exception):
    """There is no rule of this UUID."""


@frozen
class RuleBook:
    """All rules.  A change counts for jobs that wait, not for those at work."""

    _floor: Floor
    _now: Callable[[], float]

    def load(self, rules: Iterable[FilterRule]) -> None:
        """Take over what was read at start."""
        for rule in rules:
            self._floor.scheduler.rules.put(rule)

    def all(self) -> list[FilterRule]:
        """The rules in the order in which they are asked."""
        return self._floor.scheduler.rules.all()

    def get(self, uuid: str) -> FilterRule:
        """The rule.  Raises NoSuchRule."""
        rule = self._floor.scheduler.rules.get(uuid)
        if rule is None:
            raise NoSuchRule(uuid)
        return rule

    async def put(self, uuid: str | None, given: dict[str, Any]) -> str:
        """
        Make a rule, or replace the one of this UUID; the UUID.

        given: priority, predicates, action, reason_trail.  Its watermark is the newest job now.
        Raises BadFilter.
        """
        rule = checked(
            FilterRule(
                uuid=uuid or str(uuids.uuid4()),
                watermark=self._floor.intake.next_id - 1,
                priority=given["priority"],
                predicates=tuple(given["predicates"]),
                action=given["action"],
                reason_trail=tuple(given["reason_trail"]),
            )
        )
        trail = (*rule.reason_trail, ["luxid", "", int(self._now() * 1_000_000_000)])
        rule = evolve(rule, reason_trail=trail)
        await self._floor.commit(Commit(changes=(PutFilter(rule),)))
        self._floor.scheduler.rules.put(rule)
        self._floor.reconsider()
        return rule.uuid

    async def drop(self, uuid: str) -> None:
        """Take the rule away.  Raises NoSuchRule."""
        self.get(uuid)
        await self._floor.commit(Commit(changes=(DropFilter(uuid),)))
        self._floor.scheduler.rules.drop(uuid)
        self._floor.reconsider()
