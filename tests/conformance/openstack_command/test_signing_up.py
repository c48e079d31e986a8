"""
The whole way of a person, from a registration to a token by the `openstack` command: against a real
API, with `synnefo-manage` for what an administrator does.
"""

from __future__ import annotations

import atexit
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from functools import cache
from json import loads
from pathlib import Path
from typing import Any

import requests
from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.identity.cloud import running
from tests.conformance.openstack_command.shell import Said, Shell, Who

SIGN_UP = '[sign_up]\nopen = true\naccept = [".*@staff.example.org"]\n'
EVE = Who("eve", "nobody knows this")


@cache
def open_cloud() -> Shell:
    """One API where people sign up, and one shell, for all tests here."""
    stack = ExitStack()
    shell = Shell(stack.enter_context(running(personal_projects=True, more=SIGN_UP)))
    stack.callback(shell.close)
    atexit.register(stack.close)
    return shell


class SigningUpTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.shell = open_cloud()
        self.cloud = self.shell.cloud
        self.people = self.cloud.auth_url.replace("/identity/v3", "/account/v1.0/people")

    def post(self, path: str, body: Any, token: str = "") -> Any:
        headers = {"X-Auth-Token": token} if token else {}
        answer = requests.post(self.people + path, json=body, headers=headers, timeout=60)
        self.assertLess(answer.status_code, 300, answer.text)
        return answer.json() if answer.content else None

    def register(self, who: Who, email: str) -> str:
        """The URL in the letter."""
        self.post("", {"name": who.user, "email": email, "password": who.password})
        with closing(sqlite3.connect(self.cloud.home / "synnefo.db")) as database:
            wanted = "SELECT filling FROM mail_queue WHERE recipient = ? AND template = 'verify'"
            [(filling,)] = database.execute(wanted, (email,)).fetchall()
        url: str = loads(filling)["url"]
        return url

    def manage(self, *words: str, given: str | None = None) -> str:
        command = Path(sys.executable).parent / "synnefo-manage"
        config = ["--config", str(self.cloud.home / "api.toml")]
        done = subprocess.run(
            [command, *config, *words], input=given, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def token(self, who: Who) -> Said:
        return self.shell.type("token issue -f json", who)

    def refused(self, who: Who, why: str) -> None:
        said = self.token(who)
        self.assertNotEqual(said.status, 0, said.out)
        self.assertIn(why, said.err)

    def test_from_registration_to_token(self) -> None:
        """Each step is named by the refusal before it."""
        url = self.register(EVE, "eve@example.org")
        self.refused(EVE, "The e-mail address is not verified.")
        page = requests.get(url, timeout=60)
        self.assertIn("This is my address", page.text)
        link = url.partition("link=")[2]
        done = requests.post(url.partition("?")[0], data={"link": link}, timeout=60)
        self.assertIn("An administrator looks at your registration", done.text)
        self.refused(EVE, "The account is not accepted yet.")
        [waiting] = loads(self.manage("user", "pending", "-F", "json"))
        self.assertEqual(waiting["email"], "eve@example.org")
        self.manage("user", "accept", "eve")
        self.manage("terms", "publish", "-", "--yes", given="Be kind.")
        self.refused(EVE, "Version 1 of the terms of use is not signed.")
        self.post("/terms/1/sign", {"name": EVE.user, "password": EVE.password})
        said = self.token(EVE)
        self.assertEqual(said.status, 0, said.err)
        self.assertEqual(said.json["project_id"], waiting["id"])
        said = self.shell.type("token issue -f json")  # administrators sign nothing
        self.assertEqual(said.status, 0, said.err)
        self.manage("user", "deactivate", "eve")
        self.refused(EVE, "requires authentication")

    def test_who_is_accepted_at_once(self) -> None:
        who = Who("dan", "nobody knows this either")
        link = self.register(who, "dan@staff.example.org").partition("link=")[2]
        told = self.post("/verify", {"link": link})
        self.assertEqual(told, {"name": "dan", "state": "accepted"})
