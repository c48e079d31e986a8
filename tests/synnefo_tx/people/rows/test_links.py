"""
Links of single use.
"""

from __future__ import annotations

from pathlib import Path
from threading import Barrier, Thread

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.people.rows.link_tables import links
from synnefo_tx.people.rows.links import Link, end, expire, give, look, take
from synnefo_tx.store.database import open_engine
from synnefo_tx.store.metadata import metadata

ANN = Link("verify", "ann", "ann@example.org")


class Links(SynchronousTestCase):
    def setUp(self) -> None:
        self.engine = open_engine(f"sqlite:///{Path(self.mktemp()).absolute()}")
        self.addCleanup(self.engine.dispose)
        metadata.create_all(self.engine, [links])
        with self.writing() as connection:
            self.value = give(connection, "verify", "ann", "ann@example.org", 100)

    def writing(self):
        return self.engine.execution_options(synnefo_write=True).begin()

    def test_it_is_good_once(self) -> None:
        """Looking at it uses nothing; taking it does."""
        with self.writing() as connection:
            self.assertEqual(look(connection, "verify", self.value, 99), ANN)
            self.assertEqual(take(connection, "verify", self.value, 99), ANN)
            self.assertIsNone(look(connection, "verify", self.value, 99))
            self.assertIsNone(take(connection, "verify", self.value, 99))

    def test_it_ends(self) -> None:
        """At its end it is worth nothing, and is forgotten."""
        with self.writing() as connection:
            self.assertIsNone(take(connection, "verify", self.value, 100))
            self.assertEqual(expire(connection, 99), 0)
            self.assertEqual(expire(connection, 100), 1)

    def test_it_is_good_for_its_kind_alone(self) -> None:
        with self.writing() as connection:
            self.assertIsNone(take(connection, "reset", self.value, 1))
            self.assertEqual(take(connection, "verify", self.value, 1), ANN)

    def test_others_are_worth_nothing(self) -> None:
        """Another secret, none, and texts that never were links."""
        link_id = self.value.partition(".")[0]
        with self.writing() as connection:
            for value in (
                f"{link_id}.x",
                link_id,
                f"{link_id}.",
                "",
                ".",
                "\udcff.\udcff",
                "a\0.b",
                "x" * 999,
            ):
                self.assertIsNone(take(connection, "verify", value, 1), value)
            self.assertEqual(take(connection, "verify", self.value, 1), ANN)

    def test_all_of_a_user_end(self) -> None:
        with self.writing() as connection:
            other = give(connection, "verify", "bob", "", 100)
            end(connection, "verify", "ann")
            self.assertIsNone(take(connection, "verify", self.value, 1))
            self.assertIsNotNone(take(connection, "verify", other, 1))

    def test_what_is_kept_opens_nothing(self) -> None:
        with self.writing() as connection:
            row = connection.execute(select(links)).one()
            self.assertNotIn(self.value.partition(".")[2], repr(row))
            self.assertIsNone(take(connection, "verify", f"{row.id}.{row.secret_hash}", 1))

    def test_of_many_at_once_one_gets_it(self) -> None:
        taken: list[Link | None] = []
        start = Barrier(6)

        def run() -> None:
            start.wait()
            with self.writing() as connection:
                taken.append(take(connection, "verify", self.value, 1))

        threads = [Thread(target=run) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(taken), 6)
        self.assertEqual([one for one in taken if one is not None], [ANN])
