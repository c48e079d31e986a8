"""
Tests of the cloud's services.

Each test makes the routes of its service anew.  Three quarters of that time werkzeug spends on
compiling functions that build URLs, the same ones each time, so they are compiled once a run.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from werkzeug.routing import Rule

_compile: Callable[[Rule, bool], Any] = Rule._compile_builder
_compiled: dict[Hashable, Any] = {}


def _compile_once(rule: Rule, append_unknown: bool = True) -> Any:
    """
    What is compiled depends on the rule's parts alone; the rule itself is its first argument.
    """
    if rule.defaults:
        return _compile(rule, append_unknown)
    key = (rule.rule, tuple(rule._trace), append_unknown)
    if key not in _compiled:
        _compiled[key] = _compile(rule, append_unknown)
    return _compiled[key]


Rule._compile_builder = _compile_once  # type: ignore[assignment, method-assign]
