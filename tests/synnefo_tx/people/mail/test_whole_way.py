"""
`synnefo-api --workers 2` with a real mail server: what letters say leads to an account.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import urllib.request
from logging import getLogger
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.live.cloud import Daemon, eventually, free_ports
from tests.synnefo_tx.people.mail.a_mail_server import PASSWORD, USER, AMailServer
from tests.synnefo_tx.people.mail.certificates import certificate
from tests.synnefo_tx.processes.test_workers import TOKENS, Client, settings, two_in_a_row

PEOPLE = "/account/v1.0/people"
EVE = {"name": "eve", "email": "eve@example.org", "password": "nobody knows this"}


class WholeWayTests(SynchronousTestCase):
    """Each step by HTTP, and each letter through a socket with TLS."""

    def setUp(self) -> None:
        getLogger("mail.log").setLevel("CRITICAL")
        self.home = Path(tempfile.mkdtemp(prefix="snfm"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        pem = certificate(self.home / "mail.pem")
        self.server = AMailServer(self, pem, auth=True)
        self.metrics = two_in_a_row()
        self.port, nobody = free_ports(2)
        (self.home / "rapi-password").write_text("nobody\n")
        (self.home / "mail-password").write_bytes(PASSWORD + b"\n")
        config = self.home / "api.toml"
        config.write_text(
            settings(self.home, self.port, nobody, self.metrics)
            + f'[sign_up]\nopen = true\nmoderated = false\n[mail]\nhost = "127.0.0.1"\n'
            f'port = {self.server.port}\nca_file = "{pem}"\nuser = "{USER.decode()}"\n'
            f'password_file = "{self.home}/mail-password"\nsender = "cloud@example.org"\n'
        )
        arguments = ["--config", str(config), "--workers", "2"]
        self.daemon = Daemon("synnefo-api", arguments, self.home, {})
        self.addCleanup(self.daemon.stop)
        self.daemon.start()
        eventually(self.serves, 60, "the API serves")
        self.client = Client(self.port)
        self.addCleanup(self.client.close)

    def serves(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}/healthz"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def post(self, path: str, body: Any) -> int:
        return self.client.call("POST", f"{PEOPLE}{path}", body)[0]

    def letter(self, subject: str) -> str:
        """The link in the only letter with the subject."""

        def found() -> list[str]:
            return [one.get_content() for one in self.server.letters if one["Subject"] == subject]

        eventually(lambda: bool(found()), 30, subject)
        [text] = found()
        links = re.findall(r"link=(\S+)", text)
        return links[0] if links else ""

    def log_in(self, password: str) -> int:
        user = {"name": "eve", "domain": {"id": "default"}, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        return self.client.call("POST", TOKENS, {"auth": {"identity": identity}})[0]

    def sent(self) -> float:
        """By both workers."""
        total = 0.0
        for port in (self.metrics, self.metrics + 1):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
            total += float(re.findall(r"^synnefo_mail_sent_total (\S+)$", text, re.MULTILINE)[0])
        return total

    def test_from_a_registration_to_another_password(self) -> None:
        """And each letter comes once, though two processes send."""
        self.assertEqual(self.post("", EVE), 202)
        link = self.letter("Verify your address for Synnefo")
        self.assertEqual(self.log_in(EVE["password"]), 401)
        self.assertEqual(self.post("/verify", {"link": link}), 200)
        self.assertEqual(self.log_in(EVE["password"]), 201)
        self.assertEqual(self.post("/password/forgotten", {"email": EVE["email"]}), 202)
        link = self.letter("Another password for Synnefo")
        page = self.client.call_status(f"{PEOPLE}/password/reset?link={link}")
        self.assertEqual(page, 200)
        self.assertEqual(self.post("/password/reset", {"link": link, "password": "new"}), 200)
        self.assertEqual(self.log_in(EVE["password"]), 401)
        self.assertEqual(self.log_in("new"), 201)
        self.letter("Your password at Synnefo was changed")
        self.letter("Your account at Synnefo is there")
        eventually(lambda: self.sent() == 4, 30, "four letters")
        self.assertEqual(len(self.server.letters), 4)
        self.assertEqual({to for _, to in self.server.envelopes}, {(EVE["email"],)})
        log = self.daemon.log.read_text()
        for secret in (link, PASSWORD.decode()):
            self.assertNotIn(secret, log)
