"""
Who may log in.
"""

from sqlalchemy import create_engine, insert, update
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.rows.tables import users
from synnefo_tx.people.external.rows.tables import external_accounts
from synnefo_tx.people.rows.admission import why_not
from synnefo_tx.people.rows.tables import people, signed_terms, terms
from synnefo_tx.store.metadata import metadata


class Admission(SynchronousTestCase):
    def setUp(self) -> None:
        engine = create_engine("sqlite://")
        self.addCleanup(engine.dispose)
        metadata.create_all(engine, [users, people, terms, signed_terms, external_accounts])
        self.connection = engine.connect()
        self.addCleanup(self.connection.close)

    def sign_up(self, user_id: str, **values: object) -> None:
        row = {"user_id": user_id, "email": "ann@example.org", "moderation": "pending"}
        self.connection.execute(insert(people), row | values)

    def test_nothing_is_asked_of_other_users(self) -> None:
        """Not to sign anything either."""
        self.connection.execute(insert(terms), [{"version": 1, "content": "Be kind."}])
        self.assertEqual(why_not(self.connection, "ann"), "")

    def test_verified_then_accepted(self) -> None:
        self.sign_up("ann")
        self.assertIn("not verified", why_not(self.connection, "ann"))
        self.connection.execute(update(people).values(verified_at=1))
        self.assertIn("not accepted", why_not(self.connection, "ann"))
        self.connection.execute(update(people).values(moderation="rejected"))
        self.assertIn("rejected", why_not(self.connection, "ann"))
        self.connection.execute(update(people).values(moderation="accepted"))
        self.assertEqual(why_not(self.connection, "ann"), "")

    def test_those_of_other_providers_sign_too(self) -> None:
        row = {"provider": "oidc:a", "identifier": "7", "user_id": "ann", "seen_at": 1}
        self.connection.execute(insert(external_accounts), row)
        self.assertEqual(why_not(self.connection, "ann"), "")
        self.connection.execute(insert(terms), [{"version": 1, "content": "Be kind."}])
        self.assertIn("Version 1", why_not(self.connection, "ann"))

    def test_the_newest_terms_are_signed(self) -> None:
        for name in ("ann", "bob"):
            self.sign_up(name, verified_at=1, moderation="accepted")
        self.connection.execute(insert(terms), [{"version": 1, "content": "Be kind."}])
        self.assertIn("Version 1", why_not(self.connection, "ann"))
        signed = {"user_id": "ann", "version": 1, "signed_at": 5}
        self.connection.execute(insert(signed_terms), signed)
        self.assertEqual(why_not(self.connection, "ann"), "")
        self.assertIn("Version 1", why_not(self.connection, "bob"))
        self.connection.execute(insert(terms), [{"version": 2, "content": "Be kinder."}])
        self.assertIn("Version 2", why_not(self.connection, "ann"))
