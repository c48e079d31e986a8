"""
Sealing and opening tokens, and the keys that do it.
"""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.faults import TokenExpired, TokenGarbled
from synnefo_tx.identity.keys import UnsafeKey, load_or_create_keys, rotate_keys
from synnefo_tx.identity.token import Token
from synnefo_tx.identity.tokens import TokenBox

KEYS = [Fernet.generate_key(), Fernet.generate_key()]
names = st.text(max_size=255)
ids = st.text(st.sampled_from("0123456789abcdef"), min_size=1, max_size=64)
tokens = st.builds(
    Token,
    user_id=ids,
    user_name=names,
    user_domain_id=ids,
    project_id=ids | st.just(""),
    project_name=names,
    project_domain_id=ids | st.just(""),
    roles=st.lists(names, max_size=5).map(tuple),
    methods=st.lists(names, max_size=3).map(tuple),
    issued_at=st.integers(0, 2**40),
    expires_at=st.integers(1001, 2**40),
    audit_id=ids,
    parent_audit_id=ids | st.just(""),
)


def box(keys: list[bytes] = KEYS, now: float = 1000.0) -> TokenBox:
    return TokenBox(keys, lambda: now)


def a_token(**more: Any) -> Token:
    return Token(
        **{
            "user_id": "u",
            "user_name": "user",
            "user_domain_id": "d",
            "project_id": "p",
            "project_name": "project",
            "project_domain_id": "d",
            "roles": ("member",),
            "methods": ("password",),
            "issued_at": 500,
            "expires_at": 1500,
            "audit_id": "a",
            **more,
        }
    )


class TokenBoxTests(SynchronousTestCase):
    @given(tokens)
    def test_what_is_sealed_comes_out_again(self, token: Token) -> None:
        text = box().seal(token)
        self.assertEqual(box().open(text), token)
        self.assertRegex(text, r"\A[A-Za-z0-9_-]+\Z")

    @given(st.data())
    def test_a_text_with_any_change_opens_nothing(self, data: st.DataObject) -> None:
        text = box().seal(a_token())
        place = data.draw(st.integers(0, len(text) - 3))  # the last two carry padding bits
        letter = data.draw(st.sampled_from("ABCxyz019_-"))
        changed = text[:place] + letter + text[place + 1 :]
        if changed != text:
            self.assertRaises(TokenGarbled, box().open, changed)

    @settings(max_examples=200)
    @given(st.text(max_size=400))
    def test_garbage_opens_nothing(self, text: str) -> None:
        self.assertRaises(TokenGarbled, box().open, text)

    def test_a_good_seal_over_something_else_opens_nothing(self) -> None:
        fernet = Fernet(KEYS[0])
        for inside in (b"", b"\xc0", b"\x90", b"\x91\x01", b"{}", b"\xff" * 50):
            self.assertRaises(TokenGarbled, box().open, fernet.encrypt(inside).decode())

    def test_a_token_ends_at_its_second(self) -> None:
        text = box().seal(a_token(expires_at=1500))
        self.assertEqual(box(now=1499.9).open(text).audit_id, "a")
        self.assertRaises(TokenExpired, box(now=1500.0).open, text)
        self.assertEqual(box(now=1599.9).open(text, window_s=100).audit_id, "a")
        self.assertRaises(TokenExpired, box(now=1600.0).open, text, 100)

    def test_the_first_key_seals_and_all_open(self) -> None:
        text = box([KEYS[0], KEYS[1]]).seal(a_token())
        self.assertEqual(box([KEYS[1], KEYS[0]]).open(text), a_token())
        self.assertEqual(box([KEYS[0]]).open(text), a_token())
        self.assertRaises(TokenGarbled, box([KEYS[1]]).open, text)

    def test_a_usual_token_is_shorter_than_a_header_may_be(self) -> None:
        usual = a_token(
            user_id="a" * 32,
            project_id="b" * 32,
            audit_id="c" * 22,
            user_name="alice.smith",
            roles=("admin", "manager", "member", "reader"),
        )
        self.assertLess(len(box().seal(usual)), 400)


class KeysTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()) / "keys"

    def test_first_start_makes_two_private_keys(self) -> None:
        keys = load_or_create_keys(self.folder)
        self.assertEqual(len(set(keys)), 2)
        self.assertEqual(stat.S_IMODE(self.folder.stat().st_mode), 0o700)
        for path in self.folder.iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_a_second_start_finds_the_same_keys(self) -> None:
        self.assertEqual(load_or_create_keys(self.folder), load_or_create_keys(self.folder))

    def test_processes_that_start_together_agree(self) -> None:
        """
        Whoever is quicker: all have the same keys in the same order.
        """
        found: list[list[bytes]] = []
        together = threading.Barrier(8)

        def start(number: int) -> None:
            together.wait()
            found.append(load_or_create_keys(self.folder))

        threads = [threading.Thread(target=start, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(found), 8)
        self.assertEqual({tuple(keys) for keys in found}, {tuple(found[0])})
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["0", "1"])

    def test_after_a_rotation_old_tokens_open_and_the_staged_key_seals(self) -> None:
        """
        A worker that has not loaded its keys again opens what the others seal.
        """
        before = load_or_create_keys(self.folder)
        old = TokenBox(before, lambda: 1000.0)
        after = rotate_keys(self.folder)
        new = TokenBox(after, lambda: 1000.0)
        self.assertEqual(after[0], before[-1])
        self.assertEqual(new.open(old.seal(a_token())), a_token())
        self.assertEqual(old.open(new.seal(a_token())), a_token())

    def test_rotation_drops_the_oldest(self) -> None:
        first = load_or_create_keys(self.folder)[0]
        for _ in range(4):
            keys = rotate_keys(self.folder, keep=3)
        self.assertEqual(len(keys), 3)
        self.assertNotIn(first, keys)

    def test_a_key_that_others_can_read_is_refused(self) -> None:
        load_or_create_keys(self.folder)
        (self.folder / "1").chmod(0o640)
        error = self.assertRaises(UnsafeKey, load_or_create_keys, self.folder)
        self.assertIn("chmod 600", str(error))

    def test_a_broken_key_is_told_and_not_shown(self) -> None:
        load_or_create_keys(self.folder)
        (self.folder / "1").write_text("swordfish")
        error = self.assertRaises(UnsafeKey, load_or_create_keys, self.folder)
        self.assertNotIn("swordfish", str(error))

    def test_a_draft_left_by_a_killed_start_is_no_hindrance(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / ".draft-x").write_text("half")
        self.assertEqual(len(load_or_create_keys(self.folder)), 2)
