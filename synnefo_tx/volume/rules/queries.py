"""
Parameters of queries as Cinder reads them.  Pure.
"""

from __future__ import annotations

from synnefo_tx.errors import BadRequest

TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
FALSE = frozenset({"0", "f", "false", "off", "n", "no"})


def boolean(name: str, text: str | None, *, usual: bool) -> bool:
    """
    What `text` says; `usual` when there is none.  Raises BadRequest.

    Source: oslo.utils' strutils.bool_from_string.
    """
    if text is None:
        return usual
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        raise BadRequest(f"Invalid value '{text}' for {name}.")
    return word in TRUE
