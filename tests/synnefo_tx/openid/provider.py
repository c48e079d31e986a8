"""
A test case with the provider, its clients and its users' browsers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from synnefo_tx.openid.api.routes import openid_router
from synnefo_tx.openid.signing import new_key
from tests.synnefo_tx.identity.cloud import SECRETS, IdentityCloud, identity_cloud
from tests.synnefo_tx.openid.browser import Browser, InMemory, told

BASE = "https://cloud.test"
ISSUER = f"{BASE}/openid"
RETURN = "https://app.example/back?kept=1"
SCOPE = "openid profile email offline_access"
VERIFIER = "v" * 50

one_key = cache(new_key)  # making one takes a while


class ProviderCase(SynchronousTestCase):
    """
    `client` is a registered confidential client, with its secret; `admin` a token.
    """

    def setUp(self) -> None:
        self.cloud = self.make_cloud()
        root = Resource()
        root.putChild(b"identity", self.cloud.router.resource())
        root.putChild(b"openid", openid_router(self.cloud.context, None, self.make_key).resource())
        self.root = root
        self.admin = self.cloud.token("admin", {"project": {"id": "p1"}})
        self.client = self.register()

    def make_cloud(self) -> IdentityCloud:
        return identity_cloud(self)

    def make_key(self) -> RSAKey:
        return one_key()

    def http(self) -> requests.Session:
        return self.mounted(requests.Session())

    def mounted(self, session: Any) -> Any:
        session.mount(BASE, InMemory(self, self.root))
        return session

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> requests.Response:
        """The provider's own calls."""
        headers = {"X-Auth-Token": self.admin if token is None else token}
        return self.http().request(method, f"{ISSUER}/v1{path}", json=body, headers=headers)

    def register(self, **more: Any) -> dict[str, Any]:
        client = {"name": "Wiki", "redirect_uris": [RETURN]} | more
        answer = self.ask("POST", "/clients", {"client": client})
        self.assertEqual(answer.status_code, 201, answer.text)
        made: dict[str, Any] = answer.json()["client"]
        return made

    def library(self, client: dict[str, Any] | None = None, **more: Any) -> OAuth2Session:
        """The client library."""
        client = client or self.client
        given = {
            "scope": SCOPE,
            "redirect_uri": client["redirect_uris"][0],
            "token_endpoint_auth_method": client["token_endpoint_auth_method"],
            "code_challenge_method": "S256",
        }
        return self.mounted(
            OAuth2Session(client["client_id"], client.get("client_secret"), **(given | more))
        )

    def browser(self) -> Browser:
        return Browser(self.http())

    def url(self, library: OAuth2Session, **more: Any) -> str:
        """Where the library sends the browser."""
        given: dict[str, Any] = {"code_verifier": VERIFIER} | more
        address, self.state = library.create_authorization_url(f"{ISSUER}/authorize", **given)
        return str(address)

    def allowed(self, browser: Browser, url: str, name: str = "alice") -> requests.Response:
        """The redirect after log-in and consent, if that is asked for."""
        page = browser.log_in(browser.get(url), name, SECRETS[name])
        return page if page.status_code == 303 else browser.send(page, decision="allow")

    def code(self, browser: Browser | None = None, **more: Any) -> str:
        answer = self.allowed(browser or self.browser(), self.url(self.library(**more)))
        return told(answer)["code"]

    def tokens(self, **more: Any) -> dict[str, Any]:
        """As the client library gets them, after log-in and consent."""
        library = self.library(**more)
        answer = self.allowed(self.browser(), self.url(library, nonce="n-1"))
        got: dict[str, Any] = library.fetch_token(
            f"{ISSUER}/token",
            authorization_response=answer.headers["Location"],
            state=self.state,
            code_verifier=VERIFIER,
        )
        return got

    def exchange(self, code: str, **more: str) -> requests.Response:
        """A request of one's own for tokens, as `client`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": RETURN,
            "code_verifier": VERIFIER,
        } | more
        return self.post("token", **form)

    def post(
        self, path: str, client: dict[str, Any] | None = None, **form: str
    ) -> requests.Response:
        client = client or self.client
        auth = (client["client_id"], client["client_secret"])
        return self.http().post(f"{ISSUER}/{path}", data=form, auth=auth)

    def userinfo(self, access: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {access}"}
        return self.http().get(f"{ISSUER}/userinfo", headers=headers)

    def claims(self, id_token: str) -> dict[str, Any]:
        """Of an ID token whose signature is one of the published keys'."""
        keys = KeySet.import_key_set(self.http().get(f"{ISSUER}/keys").json())
        return dict(jwt.decode(id_token, keys, algorithms=["RS256"]).claims)

    def refused(self, answer: requests.Response, code: str, status: int = 400) -> None:
        self.assertEqual((answer.status_code, answer.json()["error"]), (status, code))
