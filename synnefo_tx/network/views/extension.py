"""
One extension's document.  Pure.
"""

from __future__ import annotations

from typing import Any


def extensions(*documents: tuple[str, str, str, str]) -> dict[str, dict[str, Any]]:
    """
    alias -> document, of (alias, name, description, when it was changed last): Neutron's words.
    """
    return {
        alias: {
            "name": name,
            "alias": alias,
            "description": description,
            "updated": updated,
            "links": [],
        }
        for alias, name, description, updated in documents
    }
