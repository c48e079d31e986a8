"""
What the kernel has of a table, read from ``nft -j list table``.

Source: libnftables-json(5), nftables 1.0.6.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ganetid.network.rules.ruleset import Present


def present_in(listing: str) -> Present:
    """The chains and sets in a listing.  Raises ValueError for one that can't be read."""
    items = json.loads(listing).get("nftables", [])
    chains: dict[str, list[str]] = {}
    sets: dict[str, dict[str, str]] = {}
    for item in items:
        if "chain" in item:
            chains.setdefault(item["chain"]["name"], [])
        elif "rule" in item:
            chains.setdefault(item["rule"]["chain"], []).append(item["rule"].get("comment", ""))
        for kind in ("set", "map"):
            if kind in item:
                sets[item[kind]["name"]] = dict(_elements(item[kind].get("elem", ())))
    return Present({name: _digest(comments) for name, comments in chains.items()}, sets)


def _digest(comments: list[str]) -> str:
    """What the first rule says, if there are as many rules as it says."""
    said = comments[0] if comments else ""
    return said if said.endswith(f"/{len(comments)}") else ""


def _elements(elements: Iterable[Any]) -> Iterable[tuple[str, str]]:
    for element in elements:
        key, value = element if isinstance(element, list) else (element, None)
        yield _text(key), "" if value is None else _text(value)


def _text(value: Any) -> str:
    match value:
        case {"elem": {"val": inner}}:
            return _text(inner)
        case {"concat": parts}:
            return " . ".join(_text(part) for part in parts)
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case {"range": [first, last]}:
            return f"{_text(first)}-{_text(last)}"
        case {"jump": {"target": chain}}:
            return f"jump {chain}"
        case {"goto": {"target": chain}}:
            return f"goto {chain}"
        case {**verdict} if len(verdict) == 1 and next(iter(verdict.values())) is None:
            return str(next(iter(verdict)))
    return str(value)
