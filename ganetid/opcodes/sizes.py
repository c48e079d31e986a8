"""
Sizes as Ganeti shows them in its messages.
"""

from __future__ import annotations


def shown_size(mib: int) -> str:
    """``64M``, ``1.5G``, ``2.0T``."""
    if abs(mib) < 1024:
        return f"{mib}M"
    if abs(mib) < 1024 * 1024:
        return f"{mib / 1024:0.1f}G"
    return f"{mib / 1024 / 1024:0.1f}T"
