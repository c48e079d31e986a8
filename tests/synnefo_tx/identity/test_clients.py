"""
OpenStack's own clients against the service on a loopback port, with real threads and passwords.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import openstack
import requests
from keystoneauth1 import exceptions
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from sqlalchemy import Connection
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource

from synnefo_tx.http.streaming import StreamingSite
from synnefo_tx.identity.api.routes import identity_context, identity_router
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.catalog import own_services
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.rows import accounts, catalog
from synnefo_tx.identity.rules.totp import code_at
from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.identity.tokens import TokenBox, load_or_create_keys
from synnefo_tx.store.database import DatabaseThreads
from synnefo_tx.store.schema import create_all
from tests.synnefo_tx.http.site import soon

PASSWORD = "correct horse"
COMMAND = Path(sys.executable).parent / "openstack"
SERVICES = ("account", "block-storage", "compute", "identity", "image", "network", "volumev3")


def fill(connection: Connection, password_hash: str) -> None:
    catalog.ensure(connection, own_services())
    accounts.create_domain(connection, "default", "Default")
    accounts.create_project(connection, "a" * 32, "default", "admin", "First project")
    accounts.create_project(connection, "b" * 32, "default", "demo", "")
    accounts.create_user(connection, "c" * 32, "default", "admin", password_hash, "a" * 32)
    accounts.create_user(connection, "d" * 32, "default", "demo", password_hash, "b" * 32)
    accounts.create_role(connection, "e" * 32, "admin")
    accounts.create_role(connection, "f" * 32, "member")
    accounts.assign(connection, "c" * 32, "a" * 32, "e" * 32)
    accounts.assign(connection, "d" * 32, "b" * 32, "f" * 32)


class ClientsTests(TestCase):
    timeout = 120

    def setUp(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        url = f"sqlite:///{self.mktemp()}"
        threads = DatabaseThreads(reactor, url)
        database = threads.start()
        self.addCleanup(threads.stop)
        self.addCleanup(soon, 0.05)  # the server learns that the clients have left
        await deferToThread(create_all, database.engine)
        passwords = Passwords(deferToThread)
        await database.write(fill, await passwords.hash(PASSWORD))
        tokens = TokenBox(load_or_create_keys(self.mktemp()), time.time, 3600)
        secrets = SecretBox(load_or_create_keys(self.mktemp()))
        authenticator = Authenticator(database, tokens, time.time)
        context = identity_context(database, tokens, passwords, time.time, authenticator, secrets)
        router = identity_router(context, None)
        root = Resource()
        root.putChild(b"identity", router.resource())
        port = reactor.listenTCP(
            0, StreamingSite(root, lambda method, path: False, reactor), interface="127.0.0.1"
        )
        self.addCleanup(port.stopListening)
        self.url = f"http://127.0.0.1:{port.getHost().port}/identity"

    def auth(self, name: str = "admin", **more: Any) -> dict[str, Any]:
        return {
            "auth_url": self.url,
            "username": name,
            "password": PASSWORD,
            "project_name": name,
            "user_domain_name": "Default",
            "project_domain_name": "Default",
            **more,
        }

    def session(self, auth: Any = None) -> Session:
        connections = requests.Session()
        connections.headers["Connection"] = "close"  # nothing is left open when a test ends
        return Session(auth=auth, session=connections)

    async def command(self, *words: str, name: str = "admin") -> Any:
        """
        What `openstack ... -f json` prints.
        """
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": self.mktemp(),
            "OS_IDENTITY_API_VERSION": "3",
            "OS_AUTH_TYPE": "password",
            **{f"OS_{key.upper()}": value for key, value in self.auth(name).items()},
        }
        out, err, code = await getProcessOutputAndValue(
            str(COMMAND), [*words, "-f", "json"], environment
        )
        self.assertEqual(code, 0, err.decode())
        return json.loads(out)

    def test_the_openstack_command(self) -> Deferred[None]:
        """
        token issue, project list and catalog list.
        """

        async def run() -> None:
            issued = await self.command("token", "issue")
            self.assertEqual((issued["project_id"], issued["user_id"]), ("a" * 32, "c" * 32))
            projects = await self.command("project", "list", "--long")
            self.assertEqual([one["Name"] for one in projects], ["admin", "demo"])
            catalog = await self.command("catalog", "list", name="demo")
            self.assertEqual(
                {one["Type"] for one in catalog},
                set(SERVICES),
            )

        return Deferred.fromCoroutine(run())

    def test_openstacksdk(self) -> Deferred[None]:
        """
        Lists, finding by name, role assignments, the catalog, and a token taken back.
        """

        def use() -> None:
            cloud = openstack.connect(**self.auth(), region_name="RegionOne")
            self.addCleanup(cloud.close)
            identity = cloud.identity
            self.assertEqual([one.name for one in identity.projects()], ["admin", "demo"])
            self.assertEqual([one.name for one in identity.projects(limit=1)], ["admin", "demo"])
            self.assertEqual(identity.find_project("demo").id, "b" * 32)
            self.assertEqual(identity.find_user("demo").default_project_id, "b" * 32)
            self.assertEqual(identity.find_domain("Default").id, "default")
            self.assertEqual([one.name for one in identity.roles()], ["admin", "member"])
            self.assertEqual(identity.get_user("c" * 32).name, "admin")
            self.assertEqual(len(list(identity.role_assignments(include_names=True))), 2)
            self.assertEqual([one.id for one in identity.regions()], ["RegionOne"])
            self.assertEqual(len(list(identity.services())), len(SERVICES))
            self.assertEqual(len(list(identity.endpoints(interface="public"))), len(SERVICES))
            self.assertEqual([one.name for one in identity.user_projects("d" * 32)], ["demo"])
            self.assertTrue(cloud.endpoint_for("compute").endswith("/compute/v2.1"))
            self.assertEqual(identity.get_endpoint_data().api_version, (3, 14))

        return deferToThread(use)

    def test_keystoneauth(self) -> Deferred[None]:
        """
        Unscoped, then a token for a project from it; wrong passwords; a token taken back.
        """

        def use() -> None:
            first = v3.Password(
                auth_url=f"{self.url}/v3",
                username="demo",
                password=PASSWORD,
                user_domain_id="default",
                unscoped=True,
            )
            session = self.session(first)
            self.assertIsNone(first.get_access(session).project_id)
            second = v3.Token(
                auth_url=f"{self.url}/v3", token=first.get_token(session), project_id="b" * 32
            )
            scoped = self.session(second)
            access = second.get_access(scoped)
            self.assertEqual((access.project_name, access.role_names), ("demo", ["member"]))
            self.assertEqual(access.audit_chain_id, first.get_access(session).audit_id)
            own = scoped.get(f"{self.url}/v3/auth/projects").json()["projects"]
            self.assertEqual([one["name"] for one in own], ["demo"])
            self.assertRaises(exceptions.Forbidden, scoped.get, f"{self.url}/v3/users")
            text = second.get_token(scoped)
            scoped.delete(f"{self.url}/v3/auth/tokens", headers={"X-Subject-Token": text})
            refused = self.session().get(
                f"{self.url}/v3/auth/projects",
                headers={"X-Auth-Token": text},
                raise_exc=False,
            )
            self.assertEqual(refused.status_code, 401)
            wrong = v3.Password(
                auth_url=f"{self.url}/v3",
                username="demo",
                password="wrong",
                user_domain_id="default",
            )
            self.assertRaises(exceptions.Unauthorized, wrong.get_token, self.session())

        return deferToThread(use)

    def test_keystoneauth_with_what_a_user_hands_on(self) -> Deferred[None]:
        """
        An application credential, a trust, and two factors with a receipt.
        """

        def use() -> None:
            cloud = openstack.connect(**self.auth("demo"), region_name="RegionOne")
            self.addCleanup(cloud.close)
            identity: Any = cloud.identity
            made = identity.create_application_credential("d" * 32, name="robot")
            shown = {"auth_url": f"{self.url}/v3", "application_credential_id": made.id}
            by_it = v3.ApplicationCredential(**shown, application_credential_secret=made.secret)
            access = by_it.get_access(self.session())
            self.assertEqual((access.project_name, access.username), ("demo", "demo"))
            identity.delete_application_credential("d" * 32, made.id)
            again = v3.ApplicationCredential(**shown, application_credential_secret=made.secret)
            self.assertRaises(exceptions.Unauthorized, again.get_access, self.session())
            self._use_trust(identity)
            self._use_two_factors(identity)

        return deferToThread(use)

    def _use_trust(self, identity: Any) -> None:
        trust = identity.create_trust(
            trustor_user_id="d" * 32,
            trustee_user_id="c" * 32,
            project_id="b" * 32,
            impersonation=True,
            roles=[{"name": "member"}],
        )
        by_it = v3.Password(
            auth_url=f"{self.url}/v3",
            username="admin",
            password=PASSWORD,
            user_domain_id="default",
            trust_id=trust.id,
        )
        access = by_it.get_access(self.session())
        self.assertEqual((access.username, access.project_name), ("demo", "demo"))
        self.assertEqual((access.trust_id, access.trustee_user_id), (trust.id, "c" * 32))

    def _use_two_factors(self, identity: Any) -> None:
        secret = b"12345678901234567890"
        blob = base64.b32encode(secret).decode()
        identity.create_credential(type="totp", blob=blob, user_id="d" * 32, project_id=None)
        by = {**self.auth(), "auth_url": f"{self.url}/v3"}
        options = {"multi_factor_auth_rules": [["password", "totp"]]}
        self.session(v3.Password(**by)).patch(
            f"{self.url}/v3/users/{'d' * 32}", json={"user": {"options": options}}
        )
        who = {"user_id": "d" * 32}
        first = v3.PasswordMethod(**who, password=PASSWORD)
        asking = v3.Auth(f"{self.url}/v3", [first], unscoped=True)
        missing = self.assertRaises(
            exceptions.MissingAuthMethods, asking.get_access, self.session()
        )
        self.assertEqual(missing.required_auth_methods, [["password", "totp"]])
        code = code_at(secret, int(time.time()) // 30)
        second = v3.TOTPMethod(**who, passcode=code)
        both = v3.Auth(f"{self.url}/v3", [second], unscoped=True)
        session = self.session()
        session.additional_headers["Openstack-Auth-Receipt"] = missing.receipt
        self.assertEqual(both.get_access(session).user_id, "d" * 32)

    def test_the_openstack_command_for_what_a_user_hands_on(self) -> Deferred[None]:
        """
        An application credential with an access rule, EC2 credentials, a trust.
        """

        async def run() -> None:
            rule = json.dumps([{"service": "compute", "method": "GET", "path": "/v2.1/servers"}])
            made = await self.command(
                *("application", "credential", "create", "robot", "--access-rules", rule),
                name="demo",
            )
            self.assertEqual((made["Project ID"], made["Unrestricted"]), ("b" * 32, False))
            pair = await self.command("ec2", "credentials", "create", name="demo")
            self.assertEqual((pair["project_id"], len(pair["secret"])), ("b" * 32, 32))
            trust = await self.command(
                *("trust", "create", "d" * 32, "c" * 32),
                *("--project", "b" * 32, "--role", "f" * 32),
                name="demo",
            )
            self.assertEqual(trust["trustee_user_id"], "c" * 32)

        return Deferred.fromCoroutine(run())
