"""
A request of the remote API as its handlers see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from ganetid.jobs.model import EFFECT
from ganetid.rapi.faults import Fault
from ganetid.rapi.gate import Caller


@frozen
class Call:
    """
    A request that was routed, let in and parsed.

    items: the variable parts of the path.  query: all values by name.  body: parsed JSON or None.
    caller: who it is, if they said so.
    """

    items: tuple[str, ...]
    query: Mapping[str, Sequence[str]]
    body: Any
    caller: Caller | None = None

    @property
    def caller_label(self) -> str | None:
        """How a job remembers who wanted it."""
        return None if self.caller is None else self.caller.label

    def number(self, name: str, default: int = 0) -> int:
        """A query argument that is a whole number.  Raises Fault 400."""
        values = self.query.get(name)
        if not values:
            return default
        try:
            return int(values[0])
        except ValueError:
            raise Fault(400, f"Invalid value for the '{name}' parameter") from None

    def flag(self, name: str) -> bool:
        """A query argument that is 0 or another number.  Raises Fault 400."""
        return bool(self.number(name))

    def word(self, name: str, default: str | None = None) -> str | None:
        """A query argument as it is."""
        values = self.query.get(name)
        return values[0] if values else default

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be done."""
        return self.flag("dry-run")

    @property
    def mapping(self) -> dict[str, Any]:
        """The body, which must be an object.  Raises Fault 400."""
        body: dict[str, Any] = checked_type(self.body, dict, "Body contents")
        return body

    def words(self, name: str) -> list[str]:
        """All values of a query argument."""
        return list(self.query.get(name, ()))

    @property
    def effect(self) -> str | None:
        """Whose wish a job is, from ``reason=synnefo-effect:<uuid>``."""
        for reason in self.query.get("reason", ()):
            if reason.startswith(EFFECT) and len(reason) > len(EFFECT):
                return reason
        return None

    def parameters(
        self,
        static: Mapping[str, Any],
        renamed: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> dict[str, Any]:
        """
        The opcode's parameters: the body's, under their new names, and those of the URL.

        Raises Fault 400, in Ganeti's words.
        """
        given = dict(checked_type({} if body is None else body, dict, "Body contents"))
        for old, new in (renamed or {}).items():
            if old in given and new in given:
                raise Fault(
                    400, f"Parameter '{old}' was renamed to '{new}', but both are specified"
                )
            if old in given:
                given[new] = given.pop(old)
        overwritten = set(given) & set(static)
        if overwritten:
            raise Fault(400, f"Can't overwrite static parameters {overwritten!r}")
        return {**given, **static}


def checked_type(value: Any, kind: type, label: str) -> Any:
    """The value, if it is of this type.  Raises Fault 400, in Ganeti's words."""
    if not isinstance(value, kind):
        raise Fault(
            400, f"{label}: Type is '{type(value).__name__}', but '{kind.__name__}' is expected"
        )
    return value
