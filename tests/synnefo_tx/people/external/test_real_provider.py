"""
A log-in by an OpenID provider that others have written (oidc-provider-mock, on Authlib), started
here as a process and spoken to by HTTP.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import treq
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from synnefo_tx.people.external.errors import NotBelieved, ProviderAway
from synnefo_tx.people.external.oidc.client import Begun
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.external.settings import AccountRules, LogIn, OidcProvider
from tests.synnefo_tx.people.external.a_provider import query_of

BACK = "http://127.0.0.1:9/return"
CAROL = {"sub": "carol-1", "email": "carol@test", "email_verified": True, "groups": ["physics"]}


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


@cache
def shared_issuer() -> str:
    """
    Of one process for the whole run, which ends with it.
    """
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    command += ["--require-nonce", "true", "--user-claims", json.dumps(CAROL)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    atexit.register(lambda: (os.killpg(process.pid, signal.SIGTERM), process.wait()))
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return f"http://127.0.0.1:{port}"
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.05)


class RealProviderTests(TestCase):
    """We as its client."""

    def setUp(self) -> None:
        secret = Path(self.mktemp())
        secret.write_text("any\n")
        secret.chmod(0o600)
        known = OidcProvider(
            issuer=shared_issuer(),
            client_id="cloud",
            client_secret_file=str(secret),
            accounts=AccountRules(groups_claim="groups"),
        )
        settings = LogIn(oidc={"real": known})
        self.client = Providers.of(settings, reactor, time.time).openid("real")
        self.begun = Begun.anew(BACK)

    async def visit(self, **form: str) -> dict[str, str]:
        """
        What a browser brings back that presses a button there.
        """
        url = await self.client.url(self.begun)
        response: Any = await treq.post(
            url, data=form, allow_redirects=False, timeout=20, persistent=False
        )
        await response.content()
        self.assertEqual(response.code, 302)
        return query_of(response.headers.getRawHeaders("location")[0])

    async def test_a_person_comes_back(self) -> None:
        """With state, and with claims that its key has signed."""
        brought = await self.visit(sub="carol-1")
        self.assertEqual(brought["state"], self.begun.state)
        person = await self.client.person(self.begun, brought["code"], brought.get("iss"))
        self.assertEqual((person.identifier, person.email), ("carol-1", "carol@test"))
        self.assertTrue(person.email_verified)
        self.assertEqual(person.groups, ("physics",))

    async def test_a_code_is_good_once(self) -> None:
        """There; and we tell no more than that it did not succeed."""
        code = (await self.visit(sub="carol-1"))["code"]
        await self.client.person(self.begun, code, None)
        with self.assertRaises(NotBelieved):
            await self.client.person(self.begun, code, None)

    async def test_a_code_of_another_log_in(self) -> None:
        """Its token has another nonce."""
        code = (await self.visit(sub="carol-1"))["code"]
        with self.assertRaises(NotBelieved):
            await self.client.person(Begun.anew(BACK), code, None)

    async def test_who_says_no(self) -> None:
        """Comes back with an error."""
        brought = await self.visit(action="deny")
        self.assertEqual(brought["error"], "access_denied")

    async def test_nobody_there(self) -> None:
        """A provider that does not run is away."""
        known = OidcProvider(issuer=f"http://127.0.0.1:{free_port()}", client_id="cloud")
        client = Providers.of(LogIn(oidc={"off": known}), reactor, time.time).openid("off")
        with self.assertRaises(ProviderAway):
            await client.url(self.begun)
