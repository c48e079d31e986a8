"""
Whose request it is, as units of work are told.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Caller:
    """
    An administrator reaches what belongs to any project.
    """

    project_id: str
    user_id: str
    is_admin: bool = False
