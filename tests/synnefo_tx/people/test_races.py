"""
Many at once: what there is one of goes to one.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from synnefo_tx.identity.rows.accounts import find_user
from synnefo_tx.identity.rows.users import NewPassword
from synnefo_tx.people.doing import Doing
from synnefo_tx.people.model import Registration, State
from synnefo_tx.people.rows import (
    admission,
    emails,
    moderating,
    records,
    registering,
    resetting,
    signing,
)
from synnefo_tx.people.rows.following import cloud_follower
from synnefo_tx.people.settings import SignUp
from tests.synnefo_tx.identity.cloud import HASHES
from tests.synnefo_tx.migrated import migrated_in_server
from tests.synnefo_tx.racing import RaceCase

MANY = 6
SETTINGS = SignUp(open=True)
NOW = 1_800_000_000


class RaceTests(RaceCase):
    def setUp(self) -> None:
        super().setUp()
        self.doing = Doing(NOW, 3600, cloud_follower(True))

    def kinds(self, *jobs: tuple[Any, ...]) -> Counter[str]:
        """How often each kind of value or error came."""
        return Counter(type(one).__name__ for one in self.at_once(*jobs))

    def register(self, name: str = "eve", email: str = "eve@example.org", lasts_s: int = 60) -> str:
        wanted = Registration(name, email, "default", HASHES["bob"])
        args = (wanted, f"u-{name}", lasts_s, self.doing)
        link: str = self.run_in(registering.register, *args).link
        return link

    def test_a_link(self) -> None:
        job = (registering.verify, self.register(), SETTINGS, self.doing)
        got = self.kinds(*[job] * MANY)
        self.assertEqual(got, {"Person": 1, "LinkWorthless": MANY - 1})

    def test_an_address(self) -> None:
        found = [self.register(f"n{number}") for number in range(MANY)]
        jobs = [(registering.verify, link, SETTINGS, self.doing) for link in found]
        got = self.kinds(*jobs)
        self.assertEqual(got, {"Person": 1, "AddressTaken": MANY - 1})

    def test_a_name(self) -> None:
        """One is made, and the others are told by mail."""
        outcomes: list[str] = []

        def unit(connection: Any, number: int) -> None:
            wanted = Registration("eve", f"n{number}@example.org", "default", HASHES["bob"])
            done = registering.register(connection, wanted, f"u-{number}", 60, self.doing)
            outcomes.append(done.outcome)

        got = self.kinds(*[(unit, number) for number in range(MANY)])
        self.assertEqual(got, {"NoneType": MANY})
        self.assertEqual(Counter(outcomes), {"made": 1, "name-taken": MANY - 1})

    def test_an_answer(self) -> None:
        """Of several moderators one decides."""
        self.run_in(registering.verify, self.register(), SETTINGS, self.doing)
        unit = moderating.accept
        got = self.kinds(*[(unit, "u-eve", "", self.doing)] * MANY)
        self.assertEqual(got, {"Person": 1, "NotInThatState": MANY - 1})
        self.assertEqual(self.run_in(admission.why_not, "u-eve"), "")

    def test_both_answers(self) -> None:
        """Accepted after a rejection is accepted; a rejection after that is refused."""
        self.run_in(registering.verify, self.register(), SETTINGS, self.doing)
        jobs = [(unit, "u-eve", "", self.doing) for unit in (moderating.accept, moderating.reject)]
        self.kinds(*jobs)
        self.assertIs(self.run_in(records.fetch, "u-eve").state, State.ACCEPTED)

    def test_a_version_of_the_terms(self) -> None:
        got = self.kinds(*[(signing.publish, f"{number}", NOW) for number in range(MANY)])
        self.assertEqual(got, {"Terms": MANY})
        contents = {self.run_in(signing.find, number + 1).content for number in range(MANY)}
        self.assertEqual(contents, {f"{number}" for number in range(MANY)})

    def test_signing(self) -> None:
        self.run_in(signing.publish, "Be kind.", NOW)
        got = self.kinds(*[(signing.sign, "u-alice", 1, NOW)] * MANY)
        self.assertEqual(got, {"NoneType": MANY})

    def test_lapsed_while_it_is_verified(self) -> None:
        """The person is there with a verified address, or gone; never half."""
        link = self.register()
        later = Doing(NOW + 59, 3600, self.doing.follower)
        after = Doing(NOW + 60, 3600, self.doing.follower)
        self.kinds((registering.verify, link, SETTINGS, later), (records.forget_lapsed, after))
        found, _ = self.run_in(records.listed, None, None, 9)
        self.assertIn([one.state for one in found], ([State.PENDING], []))
        self.run_in(records.forget_lapsed, after)
        again, _ = self.run_in(records.listed, None, None, 9)
        self.assertEqual(again, found)

    def verified(self) -> None:
        """Eve is there, with her address."""
        settings = SignUp(open=True, moderated=False)
        self.run_in(registering.verify, self.register(), settings, self.doing)

    def test_a_forgotten_password(self) -> None:
        """By one link, and by several: one sets it."""
        self.verified()
        forgotten = resetting.Forgotten("default", "eve@example.org")
        asked = self.run_in(resetting.find, forgotten)
        found = [self.run_in(resetting.give_link, asked, NOW + 60) for _ in range(3)]
        new = NewPassword("u-eve", HASHES["alice"], HASHES["bob"], None, 1)
        jobs = [(resetting.reset, link, new, self.doing) for link in found * 2]
        self.assertEqual(self.kinds(*jobs), {"tuple": 1, "LinkWorthless": 5})

    def test_a_new_address(self) -> None:
        """Of several who verify the same one."""
        self.verified()
        found = []
        for user_id in ("u-eve", "u-alice", "u-bob"):
            user = self.run_in(find_user, user_id)
            found.append(self.run_in(emails.ask, user, "new@example.org", NOW + 60).link)
        jobs = [(emails.confirm, link, self.doing) for link in found * 2]
        got = self.kinds(*jobs)
        self.assertEqual(got["Changed"], 1)
        self.assertEqual(got["AddressTaken"] + got["LinkWorthless"], 5)

    def test_a_new_address_and_a_forgotten_password(self) -> None:
        """Whichever comes first ends the other."""
        self.verified()
        forgotten = resetting.Forgotten("default", "eve@example.org")
        asked = self.run_in(resetting.find, forgotten)
        reset = self.run_in(resetting.give_link, asked, NOW + 60)
        user = self.run_in(find_user, "u-eve")
        change = self.run_in(emails.ask, user, "new@example.org", NOW + 60).link
        new = NewPassword("u-eve", HASHES["alice"], HASHES["bob"], None, 1)
        got = self.kinds(
            (resetting.reset, reset, new, self.doing), (emails.confirm, change, self.doing)
        )
        self.assertEqual(got["LinkWorthless"], 1)
        self.assertEqual(got["tuple"] + got["Changed"], 1)


class PostgresqlRaceTests(RaceTests):
    """The same, with many writers at a time."""

    def make_url(self) -> str:
        return migrated_in_server()
