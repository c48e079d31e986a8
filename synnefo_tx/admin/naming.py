"""
From the name of a thing, as people give it, to its id.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.failures import NOT_FOUND, WRONG_INPUT, Failed


def found(door: Door, noun: str, named: str, domain: str | None = None) -> dict[str, Any]:
    """
    The thing with this id, or the only one with this name.  Raises Failed.
    """
    plural = f"{noun}s"
    try:
        one: dict[str, Any] = door.ask("GET", f"/{plural}/{named}")[noun]
        return one
    except Failed as error:
        if error.exit_code != NOT_FOUND:
            raise
    if noun in ("region", "endpoint"):
        raise Failed(f"There is no {noun} {named!r}.", NOT_FOUND)
    query = {"name": named, "domain_id": id_of(door, "domain", domain) if domain else None}
    alike: list[dict[str, Any]] = door.ask("GET", f"/{plural}", query=query)[plural]
    if not alike:
        raise Failed(f"There is no {noun} {named!r}.", NOT_FOUND)
    if len(alike) > 1:
        ids = ", ".join(one["id"] for one in alike)
        raise Failed(f"Several {plural} are called {named!r}: give an id ({ids}).", WRONG_INPUT)
    return alike[0]


def id_of(door: Door, noun: str, named: str, domain: str | None = None) -> str:
    """
    Its id.
    """
    thing_id: str = found(door, noun, named, domain)["id"]
    return thing_id
