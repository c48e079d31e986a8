"""
The regular expressions that users may filter names with.  Pure.

The database's thread matches them one by one; a pattern that backtracks without end would stop
the whole process, so repeats within repeats, and long chains of repeats or of alternatives, are
refused.
"""

from __future__ import annotations

import re
from typing import Any

from synnefo_tx.errors import BadRequest

MAX_PATTERN = 255  # characters
MAX_REPEATS = 3  # of them one after the other cost the cube of a name's length at worst


def check_pattern(name: str, pattern: str) -> str:
    """
    `pattern` itself.  Raises BadRequest for one that is wrong or too costly.
    """
    try:
        # The parser behind re.compile; older Pythons have it as sre_parse.
        tree: Any = re._parser.parse(pattern)  # type: ignore[attr-defined]
    except (re.error, OverflowError, RecursionError) as error:
        raise _refused(name, pattern, f"{pattern!r} is not a 'regex'") from error
    if len(pattern) > MAX_PATTERN or _repeats(tree, within=False) > MAX_REPEATS:
        raise _refused(name, pattern, f"{pattern!r} is too complex")
    return pattern


def is_plain(pattern: str) -> bool:
    """
    Whether the pattern is a text to look for, without any sign of a regular expression.
    """
    return not re.search(r"[\\^$.|?*+()\[\]{}]", pattern)


def _refused(name: str, pattern: str, why: str) -> BadRequest:
    return BadRequest(f"Invalid input for query parameters {name}. Value: {pattern}. {why}")


def _repeats(tree: Any, within: bool) -> int:
    total = 0
    for operation, argument in tree:
        kind = str(operation)
        if kind in ("GROUPREF", "GROUPREF_EXISTS", "ASSERT", "ASSERT_NOT"):
            return MAX_REPEATS + 1
        if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, inner = argument
            varies = int(least) != int(most)
            if varies and within:
                return MAX_REPEATS + 1
            total += varies + _repeats(inner, within or int(most) > 1)
        elif kind in ("SUBPATTERN", "ATOMIC_GROUP"):
            total += _repeats(argument[-1] if kind == "SUBPATTERN" else argument, within)
        elif kind == "BRANCH":
            if within:
                return MAX_REPEATS + 1
            total += 1 + sum(_repeats(branch, within) for branch in argument[1])
    return total
