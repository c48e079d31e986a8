"""
Revocations: what memory refuses, and the order in which rows become known.
"""

from __future__ import annotations

import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.rows import revocations
from synnefo_tx.identity.rules.revoked import Revoked
from synnefo_tx.store.database import open_engine
from synnefo_tx.store.memory import immediate_database
from tests.synnefo_tx.identity.test_tokens import a_token

SUBJECTS = {
    RevocationKind.TOKEN: ("a", "other"),
    RevocationKind.USER: ("u", "other"),
    RevocationKind.PROJECT: ("p", ""),
    RevocationKind.DOMAIN: ("d", "e"),
    RevocationKind.GRANT: ("u/p", "u/other"),
    RevocationKind.ROLE: ("member", "other"),
    RevocationKind.IMPLIED: ("/member", "other/member"),
    RevocationKind.APPLICATION_CREDENTIAL: ("robot", "other"),
    RevocationKind.TRUST: ("will", "other"),
}
some = st.sampled_from(list(RevocationKind)).flatmap(
    lambda kind: st.builds(
        Revocation,
        kind=st.just(kind),
        subject=st.sampled_from(SUBJECTS[kind]),
        issued_before=st.integers(490, 510),
        expires_at=st.integers(1000, 2000),
    )
)


class RevokedTests(SynchronousTestCase):
    @given(st.lists(some, max_size=8), st.integers(495, 505))
    def test_a_token_is_refused_when_any_revocation_names_it(
        self, known: list[Revocation], issued_at: int
    ) -> None:
        revoked = Revoked()
        revoked.learn(known)
        token = a_token(issued_at=issued_at, application_credential_id="robot", trust_id="will")
        named = any(
            one.subject == SUBJECTS[one.kind][0] and issued_at <= one.issued_before for one in known
        )
        self.assertEqual(revoked.refuses(token), named)

    @given(st.lists(some, max_size=8), st.randoms())
    def test_order_and_repetition_make_no_difference(
        self, known: list[Revocation], random: object
    ) -> None:
        one, other = Revoked(), Revoked()
        one.learn(known)
        mixed = known + known
        random.shuffle(mixed)  # type: ignore[attr-defined]
        for revocation in mixed:
            other.learn([revocation])
        self.assertEqual(one, other)

    @given(st.lists(some, max_size=8), st.integers(900, 2100))
    def test_only_what_is_over_is_forgotten(self, known: list[Revocation], now: int) -> None:
        revoked, kept = Revoked(), Revoked()
        revoked.learn(known)
        revoked.forget(now)
        alive = {
            (one.kind, one.subject)
            for one in known
            if max(
                other.expires_at
                for other in known
                if (other.kind, other.subject) == (one.kind, one.subject)
            )
            >= now
        }
        kept.learn(one for one in known if (one.kind, one.subject) in alive)
        self.assertEqual(revoked, kept)


class SerialTests(SynchronousTestCase):
    def test_a_reader_that_follows_misses_nothing_of_writers_in_real_threads(self) -> None:
        """
        Six writers revoke; a reader asks for what came after the serial it knows, again and again.
        """
        path = Path(self.mktemp())
        immediate_database(path).engine.dispose()
        engine = open_engine(f"sqlite:///{path}")
        self.addCleanup(engine.dispose)
        failures: list[BaseException] = []

        def write(name: int) -> None:
            try:
                for number in range(10):
                    one = Revocation(RevocationKind.TOKEN, f"{name}-{number}", 1, 1000)
                    with engine.connect() as connection:
                        connection = connection.execution_options(synnefo_write=True)
                        with connection.begin():
                            revocations.revoke(connection, one, 1)
            except BaseException as error:  # noqa: BLE001 - told by the main thread
                failures.append(error)

        writers = [threading.Thread(target=write, args=(name,)) for name in range(6)]
        for writer in writers:
            writer.start()
        seen: list[str] = []
        serial = 0
        while len(seen) < 60 and not failures:
            ended = not any(writer.is_alive() for writer in writers)
            with engine.connect() as connection:
                news = revocations.news(connection, serial, 0, 1)
            seen += [one.subject for one in news.revocations]
            serial = news.revoked_serial
            if ended:
                break
        for writer in writers:
            writer.join()
        self.assertEqual(failures, [])
        self.assertEqual(len(seen), 60)
        self.assertEqual(len(set(seen)), 60)
        self.assertEqual(serial, 60)
