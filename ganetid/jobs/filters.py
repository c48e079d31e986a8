"""
The rules of the job queue: which jobs may run, must wait, are refused.

Source: Ganeti's design of job filters and manual page gnt-filter(8); texts of refusals checked
against 3.0.2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from attrs import frozen

from ganetid.cluster.model import FilterRule
from ganetid.jobs.model import Job
from ganetid.jobs.rate_limits import RateLimit
from ganetid.query.conditions import (
    MISSING,
    BadFilter,
    Look,
    UnfitFilter,
    canonical,
    compiled,
)

ACTIONS = frozenset({"ACCEPT", "PAUSE", "REJECT", "CONTINUE"})
WATERMARK = "watermark"


@frozen
class Ruling:
    """What the rules say about a job.  limit: of the rule that limits how many run."""

    runs: bool = True
    rejected: bool = False
    limit: RateLimit | None = None


_Matcher = Callable[[Job], bool]


@frozen
class _Rule:
    rule: FilterRule
    predicates: tuple[_Matcher, ...]

    def applies(self, job: Job) -> bool:
        return all(predicate(job) for predicate in self.predicates)


class FilterRules:
    """All rules, in the order in which they are asked."""

    def __init__(self, rules: Iterable[FilterRule] = ()) -> None:
        self._by_uuid: dict[str, FilterRule] = {rule.uuid: rule for rule in rules}
        self._chain: tuple[_Rule, ...] = ()
        self._sort()

    def put(self, rule: FilterRule) -> None:
        """There is this rule.  Raises BadFilter."""
        checked(rule)
        self._by_uuid[rule.uuid] = rule
        self._sort()

    def drop(self, uuid: str) -> None:
        """There is no such rule."""
        self._by_uuid.pop(uuid, None)
        self._sort()

    def get(self, uuid: str) -> FilterRule | None:
        """The rule, if there is one."""
        return self._by_uuid.get(uuid)

    def all(self) -> list[FilterRule]:
        """All of them, in the order in which they are asked."""
        return [each.rule for each in self._chain]

    def ruling(self, job: Job) -> Ruling:
        """What the first rule says that applies and does not just continue."""
        for each in self._chain:
            action = each.rule.action
            if action == "CONTINUE" or not each.applies(job):
                continue
            if action == "ACCEPT":
                return Ruling()
            if isinstance(action, (list, tuple)):
                return Ruling(limit=RateLimit(("filter", each.rule.uuid), int(action[1])))
            return Ruling(runs=False, rejected=action == "REJECT")
        return Ruling()

    def _sort(self) -> None:
        ordered = sorted(
            self._by_uuid.values(), key=lambda rule: (rule.priority, rule.watermark, rule.uuid)
        )
        self._chain = tuple(_Rule(rule, _matchers(rule)) for rule in ordered)


def checked(rule: FilterRule) -> FilterRule:
    """The rule as it is kept.  Raises BadFilter in Ganeti's words."""
    if rule.priority < 0:
        raise BadFilter(f"Invalid value for non-negative type '{rule.priority}'")
    try:
        msgspec.json.encode(rule)
    except (ValueError, OverflowError, RecursionError) as error:
        raise BadFilter(f"it can't be stored: {error}") from None
    _matchers(rule)
    _check_action(rule.action)
    for entry in rule.reason_trail:
        _check_reason(entry)
    kept = tuple([name, canonical(given)] for name, given in rule.predicates)
    return FilterRule(
        rule.uuid, rule.watermark, rule.priority, kept, rule.action, tuple(rule.reason_trail)
    )


def _check_action(action: Any) -> None:
    if isinstance(action, str) and action in ACTIONS:
        return
    if isinstance(action, (list, tuple)) and len(action) == 2 and action[0] == "RATE_LIMIT":
        most = action[1]
        if isinstance(most, int) and not isinstance(most, bool) and most > 0:
            return
        raise BadFilter("RATE_LIMIT argument must be a positive integer")
    raise BadFilter(f"malformed FilterAction JSON: {json.dumps(action)}")


def _check_reason(entry: Any) -> None:
    if not isinstance(entry, (list, tuple)) or len(entry) != 3:
        raise BadFilter("Unable to read reason trail")
    if not isinstance(entry[0], str) or not isinstance(entry[1], str):
        raise BadFilter("Unable to read String")
    if not isinstance(entry[2], int) or isinstance(entry[2], bool):
        raise BadFilter("Unable to read Integer")


def _matchers(rule: FilterRule) -> tuple[_Matcher, ...]:
    return tuple(_matcher(each, rule.watermark) for each in rule.predicates)


def _matcher(predicate: Any, watermark: int) -> _Matcher:
    if not isinstance(predicate, (list, tuple)) or not predicate:
        raise BadFilter(f"malformed FilterPredicate: {json.dumps(predicate)}")
    name, arguments = predicate[0], list(predicate[1:])
    if not isinstance(name, str) or name not in _LOOKS or len(arguments) != 1:
        raise BadFilter(
            f"malformed FilterPredicate: bad parameter list for '{name}' predicate:"
            f" {json.dumps(arguments, separators=(',', ':'))}"
        )
    if arguments[0] is None:
        compiled([])
    condition = compiled(_with_watermark(arguments[0], watermark) if name == "jobid"
                         else arguments[0])  # fmt: skip

    def matches(job: Job) -> bool:
        return any(_holds(condition, look) for look in _LOOKS[name](job))

    return matches


def _holds(condition: Callable[[Look], bool], look: Look) -> bool:
    """A question that does not fit the field is answered with no."""
    try:
        return condition(look)
    except UnfitFilter:
        return False


def _with_watermark(given: Any, watermark: int) -> Any:
    if isinstance(given, (list, tuple)):
        return [
            watermark if place == 2 and each == WATERMARK else _with_watermark(each, watermark)
            for place, each in enumerate(given)
        ]
    return given


def _job_looks(job: Job) -> Iterable[Look]:
    return (_look_of({"id": job.id}),)


def _opcode_looks(job: Job) -> Iterable[Look]:
    return (_look_of(op.input) for op in job.ops)


def _reason_looks(job: Job) -> Iterable[Look]:
    for op in job.ops:
        for entry in op.input.get("reason") or ():
            yield _look_of(dict(zip(("source", "reason", "timestamp"), entry, strict=False)))


_LOOKS: Mapping[str, Callable[[Job], Iterable[Look]]] = {
    "jobid": _job_looks,
    "opcode": _opcode_looks,
    "reason": _reason_looks,
}


def _look_of(values: Mapping[str, Any]) -> Look:
    def look(name: str) -> Any:
        if name not in values:
            raise UnfitFilter(f"Can't find field named '{name}'")
        value = values[name]
        return MISSING if value is None else value

    return look
