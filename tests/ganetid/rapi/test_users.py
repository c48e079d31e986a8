"""
The users file, as Ganeti reads it.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from statistics import median

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.rapi.users import REALM, Users, basic_credentials, parse_users

HA1 = hashlib.md5(f"ha:{REALM}:secret".encode()).hexdigest()
FILE = f"""
# who may
  # an indented remark
plain secret read
spelt {{cleartext}}secret read,write
shouted {{CLEARTEXT}}secret
ha {{Ha1}}{HA1} read, write
nothing secret
alone
open {{cleartext
empty {{}}secret
strange {{rot13}}secret write
brace {{cleartext}}{{secret}} write
"""


class FileTests(SynchronousTestCase):
    """Names, schemes of passwords, options."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.path.write_text(FILE)
        self.users = Users(self.path)

    def rights(self, name: str, password: str = "secret") -> list[str] | None:
        user = self.users.user_of(name, password)
        return None if user is None else sorted(user.rights)

    def test_schemes(self) -> None:
        """Plain, spelt-out and hashed passwords, whatever the case of the scheme."""
        for name in ("plain", "spelt", "shouted", "ha", "nothing"):
            self.assertIsNotNone(self.rights(name), name)
            self.assertIsNone(self.rights(name, "Secret"), name)
        self.assertIsNone(self.rights("ha", HA1))
        self.assertEqual(self.rights("brace", "{secret}"), ["write"])

    def test_options(self) -> None:
        """Words with commas between, and blanks after these; none give no right."""
        self.assertEqual(self.rights("plain"), ["read"])
        self.assertEqual(self.rights("spelt"), ["read", "write"])
        self.assertEqual(self.rights("ha"), ["read", "write"])
        self.assertEqual(self.rights("nothing"), [])

    def test_nobody(self) -> None:
        """Remarks, lines of one word and schemes that nobody knows are nobody's."""
        for name in ("#", "alone", "strange", "empty"):
            self.assertIsNone(self.rights(name), name)
        for password in ("", "{cleartext", "cleartext", "secret"):
            self.assertIsNone(self.rights("open", password), password)

    def test_changed(self) -> None:
        """A file that has changed counts at once; one that is gone lets nobody in."""
        self.assertIsNotNone(self.rights("plain"))
        self.path.write_text("plain other write\n")
        self.assertIsNone(self.rights("plain"))
        self.assertEqual(self.rights("plain", "other"), ["write"])
        self.path.unlink()
        self.assertIsNone(self.rights("plain", "other"))

    def test_reloaded(self) -> None:
        """What was changed so that nobody can tell counts once it is said."""
        self.path.write_text("plain aaaaaa write\n")
        status = self.path.stat()
        self.assertIsNotNone(self.rights("plain", "aaaaaa"))
        with self.path.open("r+") as file:
            file.write("plain bbbbbb write\n")
        os.utime(self.path, ns=(status.st_atime_ns, status.st_mtime_ns))
        self.assertIsNotNone(self.rights("plain", "aaaaaa"))
        self.users.reload()
        self.assertIsNotNone(self.rights("plain", "bbbbbb"))

    def test_same_time(self) -> None:
        """How long a refusal takes tells neither whether there is such a user nor how near."""
        cases = (
            ("plain", "x"),
            ("plain", "secreT"),
            ("ha", "x"),
            ("absent", "x"),
            ("strange", "x"),
        )
        spent: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
        for _ in range(1500):
            for case in cases:
                begun = time.perf_counter()
                self.users.user_of(*case)
                spent[case].append(time.perf_counter() - begun)
        medians = [median(each) for each in spent.values()]
        self.assertLess(max(medians) / min(medians), 1.5, spent.keys())

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """No file breaks us, and no user of it can come in without a password."""
        for user in parse_users(text).values():
            self.assertFalse(user.accepts(""), user)

    @given(st.text(max_size=40))
    def test_garbage(self, header: str) -> None:
        """No header but a right one says who one is."""
        self.assertIsNone(basic_credentials(header))
