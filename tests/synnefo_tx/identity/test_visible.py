"""
Which rows a caller may see.
"""

from __future__ import annotations

from sqlalchemy import Column, MetaData, String, Table, create_engine, insert, select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import SHARED, visible


def _table(*names: str) -> Table:
    return Table("things", MetaData(), *(Column(name, String) for name in names))


_PLAIN, _SHARING = _table("id", "project_id"), _table("id", "project_id", SHARED)


class VisibleTests(SynchronousTestCase):
    def seen(self, table: Table, caller: Caller, *rows: dict[str, str], **more: str) -> list[str]:
        engine = create_engine("sqlite://")
        self.addCleanup(engine.dispose)
        further = [table.c.id == value for value in more.values()]
        with engine.begin() as connection:
            table.metadata.create_all(connection)
            for row in rows:
                connection.execute(insert(table).values(row))
            where = visible(table, caller, *further)
            return list(connection.execute(select(table.c.id).where(where)).scalars())

    def test_one_s_own(self) -> None:
        """Those of the project that the token is for, and what is seen for another reason."""
        rows = ({"id": "a", "project_id": "p"}, {"id": "b", "project_id": "q"})
        self.assertEqual(self.seen(_PLAIN, Caller("p", "u"), *rows), ["a"])
        self.assertEqual(self.seen(_PLAIN, Caller("p", "u"), *rows, also="b"), ["a", "b"])

    def test_nobody_is_in_no_project(self) -> None:
        """A token of no project sees nothing by having none in common."""
        rows = ({"id": "a", "project_id": "p", SHARED: ""},)
        self.assertEqual(self.seen(_SHARING, Caller("", "u"), *rows), [])

    def test_shared(self) -> None:
        """What another project shares with the caller's."""
        rows = (
            {"id": "a", "project_id": "q", SHARED: "p"},
            {"id": "b", "project_id": "q", SHARED: "r"},
        )
        self.assertEqual(self.seen(_SHARING, Caller("p", "u"), *rows), ["a"])

    def test_administrators_see_all(self) -> None:
        """Of every project."""
        rows = ({"id": "a", "project_id": "q"},)
        self.assertEqual(self.seen(_PLAIN, Caller("p", "u", is_admin=True), *rows), ["a"])
