"""
Regular expressions whose search takes time in proportion to the text.

Python's own may take for ever: ``(a+)+$`` on forty letters would hold up the whole daemon, and
whoever may read may ask for it.  So Python only parses them, and all ways through the expression
are followed at once.  What that can't do (references back, looking ahead) is refused.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

MOST_STATES = 2000
MOST_LETTERS = 1000

# The parser that re itself uses; it has no public name.
_parser: Any = importlib.import_module("re._parser")

Class = Callable[[str], bool]
Place = Callable[[str, int], bool]


class BadPattern(Exception):
    """It is no regular expression, or one that is not supported."""


@define
class State:
    """Takes a letter that is in `letters`, or nothing if only `place` is right, and goes on."""

    letters: Class | None = None
    place: Place | None = None
    following: list[State] = field(factory=list)
    is_end: bool = False


def searcher(text: str) -> Callable[[str], bool]:
    """Whether the expression is found in a text, as ``re.search``.  Raises BadPattern."""
    if len(text) > MOST_LETTERS:
        raise BadPattern("the regular expression is too long")
    try:
        parsed = _parser.parse(text)
        if parsed.state.flags & ~re.UNICODE.value:
            raise BadPattern("flags are not supported")
        start = _Builder().sequence(parsed, State(is_end=True))
    except (re.error, RecursionError, OverflowError) as error:
        raise BadPattern(f"not a regular expression: {error}") from None
    return lambda within: _found(start, within)


def _found(start: State, text: str) -> bool:
    current: dict[int, State] = {}
    for at in range(len(text) + 1):
        _enter(current, start, text, at)
        if any(state.is_end for state in current.values()):
            return True
        if at < len(text):
            letter, taken = text[at], current
            current = {}
            for state in taken.values():
                if state.letters is not None and state.letters(letter):
                    for each in state.following:
                        _enter(current, each, text, at + 1)
    return any(state.is_end for state in current.values())


def _enter(current: dict[int, State], state: State, text: str, at: int) -> None:
    """Be in this state, and in all that follow without a letter."""
    waiting = [state]
    while waiting:
        each = waiting.pop()
        if id(each) in current:
            continue
        current[id(each)] = each
        if each.letters is None and (each.place is None or each.place(text, at)):
            waiting.extend(each.following)


class _Builder:
    """Makes states, from the end of an expression to its beginning."""

    def __init__(self) -> None:
        self._count = 0

    def sequence(self, parts: Iterable[Any], then: State) -> State:
        for operator, value in reversed(list(parts)):
            then = self._part(str(operator), value, then)
        return then

    def _part(self, operator: str, value: Any, then: State) -> State:
        self._count += 1
        if self._count > MOST_STATES:
            raise BadPattern("the regular expression is too large")
        if operator in {"MAX_REPEAT", "MIN_REPEAT"}:
            least, most, parts = value
            return self._repeat(least, most, parts, then)
        if operator == "SUBPATTERN":
            return self._group(value, then)
        if operator == "BRANCH":
            return State(following=[self.sequence(each, then) for each in value[1]])
        if operator == "AT":
            return State(place=_place(str(value)), following=[then])
        return State(letters=_letters(operator, value), following=[then])

    def _group(self, value: Any, then: State) -> State:
        _, add, remove, parts = value
        if add or remove:
            raise BadPattern("flags are not supported")
        return self.sequence(parts, then)

    def _repeat(self, least: int, most: Any, parts: Any, then: State) -> State:
        if str(most) == "MAXREPEAT":
            again = State(following=[then])
            again.following.append(self.sequence(parts, again))
            then = again
        else:
            for _ in range(int(most) - least):
                then = State(following=[then, self.sequence(parts, then)])
        for _ in range(least):
            then = self.sequence(parts, then)
        return then


def _letters(operator: str, value: Any) -> Class:
    if operator == "LITERAL":
        return lambda letter: ord(letter) == value
    if operator == "NOT_LITERAL":
        return lambda letter: ord(letter) != value
    if operator == "ANY":
        return lambda letter: letter != "\n"
    if operator == "RANGE":
        return lambda letter: value[0] <= ord(letter) <= value[1]
    if operator == "CATEGORY":
        return _category(str(value))
    if operator == "IN":
        negated = str(value[0][0]) == "NEGATE"
        some = [_letters(str(each), what) for each, what in value[negated:]]
        return lambda letter: any(each(letter) for each in some) != negated
    raise BadPattern(f"{operator.lower()} is not supported")


def _category(name: str) -> Class:
    kinds: dict[str, Class] = {
        "DIGIT": str.isdecimal,
        "SPACE": str.isspace,
        "WORD": lambda letter: letter.isalnum() or letter == "_",
    }
    kind = kinds[name.rpartition("_")[2]]
    if "NOT" in name:
        return lambda letter: not kind(letter)
    return kind


def _place(name: str) -> Place:
    if name in {"AT_BEGINNING", "AT_BEGINNING_STRING"}:
        return lambda text, at: at == 0
    if name == "AT_END_STRING":
        return lambda text, at: at == len(text)
    if name == "AT_END":
        return lambda text, at: text[at:] in {"", "\n"}
    if name in {"AT_BOUNDARY", "AT_NON_BOUNDARY"}:
        return lambda text, at: _is_boundary(text, at) == (name == "AT_BOUNDARY")
    raise BadPattern(f"{name.lower()} is not supported")


def _is_boundary(text: str, at: int) -> bool:
    word = _category("WORD")
    before, after = text[max(0, at - 1) : at], text[at : at + 1]
    return (before != "" and word(before)) != (after != "" and word(after))
