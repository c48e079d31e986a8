"""
Where the rows of a query come from.
"""

from __future__ import annotations

from collections.abc import Collection

from zope.interface import Interface

from ganetid.query.fields import Row


class IRows(Interface):
    """Rows of the resources that can be queried."""

    async def of(resource: str, names: Collection[str]) -> list[Row]:
        """
        Rows of a resource, in Ganeti's order: as its bulk answers show them, and with what these
        lack.  names: the fields that will be looked at; others need not be found out.
        """
