"""
Changes of which it is not known whether they were made.
"""

from __future__ import annotations


class InDoubt(OSError):
    """
    A change may have been made or not, for example because only its answer was lost.
    """
