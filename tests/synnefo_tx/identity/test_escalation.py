"""
What people ask for in bodies and paths to get more than they have: refused, and nothing changes.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import field, frozen
from sqlalchemy import select
from treq.testing import StubTreq
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from synnefo_tx.account.api.routes import account_router
from synnefo_tx.compute.api.routes import compute_router
from synnefo_tx.identity.rows import roles, things
from synnefo_tx.identity.rows.grants import Grant, grant
from synnefo_tx.identity.rows.kinds import GROUP, ROLE, USER
from synnefo_tx.identity.rows.memberships import add_member
from synnefo_tx.network.api.routes import network_router
from synnefo_tx.quota.rows import resources
from synnefo_tx.store.metadata import metadata
from synnefo_tx.volume.api.routes import volume_router
from tests.synnefo_tx.cloud_over import cloud_over
from tests.synnefo_tx.identity.cloud import HASHES, SECRETS, identity_cloud
from tests.synnefo_tx.identity.personas import tokens_of_all

_SECRET = {"access": "akey", "secret": "skey"}


@frozen
class Try:
    """
    One request.  code: what it is answered.
    """

    who: str
    method: str
    path: str
    body: Any = None
    code: int = 403
    service: str = field(default="identity", kw_only=True)


def _user(**fields: Any) -> dict[str, Any]:
    return {"user": fields}


def _project(**fields: Any) -> dict[str, Any]:
    return {"project": fields}


def _robot(**fields: Any) -> dict[str, Any]:
    return {"application_credential": {"name": "more", "secret": "x"} | fields}


def _trust(**fields: Any) -> dict[str, Any]:
    usual = {
        "trustor_user_id": "u-alice",
        "trustee_user_id": "u-bob",
        "project_id": "p1",
        "impersonation": False,
        "roles": [{"id": "role-member"}],
    }
    return {"trust": usual | fields}


def _secret(blob: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    usual = {"user_id": "u-alice", "project_id": "p1", "type": "ec2"}
    return {"credential": usual | {"blob": json.dumps(blob or _SECRET)} | fields}


def _own(who: str, rest: str = "") -> str:
    return f"/v3/users/{who}{rest}"


_GRANT = "/v3/projects/p1/users/u-alice/roles"

# A member ("owner" is alice of p1, "other user" bob, a reader of p2), a project's manager.
MEMBERS = [
    Try("owner", "PATCH", _own("u-alice"), _user(enabled=True)),
    Try("owner", "PATCH", _own("u-alice"), _user(domain_id="other")),
    Try("owner", "PATCH", _own("u-alice"), _user(default_project_id="p2")),
    Try("owner", "PATCH", _own("u-alice"), _user(options={"lock_password": False})),
    Try("owner", "PATCH", _own("u-admin"), _user(password="mine now")),
    Try("owner", "POST", "/v3/users", _user(name="x", domain_id="other")),
    Try(
        "owner",
        "POST",
        "/v3/users/u-admin/password",
        {"user": {"password": "mine now", "original_password": "guess"}},
        401,
    ),
    Try("owner", "PATCH", "/v3/projects/p1", _project(enabled=True, tags=["paid"])),
    Try("owner", "PUT", "/v3/projects/p1/tags", {"tags": ["paid"]}),
    Try("owner", "POST", "/v3/projects", _project(name="x", parent_id="p1")),
    Try("owner", "POST", "/v3/projects", _project(name="x", is_domain=True)),
    Try("owner", "PUT", f"{_GRANT}/role-admin"),
    Try("owner", "PUT", "/v3/system/users/u-alice/roles/role-admin"),
    Try(
        "owner",
        "PUT",
        "/v3/OS-INHERIT/domains/default/users/u-alice/roles/role-admin/inherited_to_projects",
    ),
    Try("owner", "PUT", "/v3/roles/role-member/implies/role-admin"),
    Try("owner", "PUT", "/v3/groups/g-admins/users/u-alice"),
    Try("owner", "POST", "/v3/roles", {"role": {"name": "admin", "domain_id": "default"}}),
    Try(
        "owner",
        "POST",
        "/v3/limits",
        {
            "limits": [
                {"service_id": "s", "project_id": "p1", "resource_name": "r", "resource_limit": 10}
            ]
        },
    ),
    Try("owner", "POST", "/v3/policies", {"policy": {"blob": "{}", "type": "application/json"}}),
    Try(
        "owner",
        "POST",
        "/v3/endpoints",
        {"endpoint": {"interface": "public", "service_id": "s", "url": "http://evil"}},
    ),
    Try("project manager", "PUT", "/v3/projects/p2/users/u-project-manager/roles/role-admin"),
    Try("project manager", "PUT", "/v3/projects/p2/users/u-alice/roles/role-member"),
    Try("project manager", "PATCH", "/v3/projects/p2", _project(enabled=False)),
    Try("service", "PUT", "/v3/projects/p2/users/u-service/roles/role-admin"),
    Try("service", "PATCH", _own("u-service"), _user(password="mine now")),
    Try("system reader", "PUT", "/v3/system/users/u-system-reader/roles/role-admin"),
    Try("system manager", "PUT", "/v3/system/users/u-system-manager/roles/role-admin"),
    Try("system manager", "PATCH", _own("u-alice"), _user(password="mine now")),
    Try("unscoped", "PUT", "/v3/projects/p2/users/u-bob/roles/role-member"),
]
# What a user gives to itself or to others of what it has.
DELEGATING = [
    Try(
        "owner",
        "POST",
        _own("u-alice", "/application_credentials"),
        _robot(roles=[{"id": "role-admin"}]),
        400,
    ),
    Try(
        "owner",
        "POST",
        _own("u-alice", "/application_credentials"),
        _robot(roles=[{"name": "admin"}]),
        400,
    ),
    Try("owner", "POST", _own("u-bob", "/application_credentials"), _robot()),
    Try("restricted", "POST", _own("u-bob", "/application_credentials"), _robot(unrestricted=True)),
    Try("restricted", "POST", "/v3/credentials", _secret(user_id="u-bob", project_id="p2")),
    Try("restricted", "POST", _own("u-bob", "/credentials/OS-EC2"), {"tenant_id": "p2"}),
    Try(
        "restricted",
        "POST",
        "/v3/OS-TRUST/trusts",
        _trust(
            trustor_user_id="u-bob",
            trustee_user_id="u-alice",
            project_id="p2",
            roles=[{"id": "role-reader"}],
        ),
    ),
    Try("ruled", "POST", _own("u-alice", "/application_credentials"), _robot(unrestricted=True)),
    Try(
        "ruled",
        "POST",
        _own("u-alice", "/application_credentials"),
        _robot(access_rules=[{"service": "compute", "method": "GET", "path": "/**"}]),
    ),
    Try("ruled", "GET", _own("u-alice"), None, 401),
    Try("owner", "POST", "/v3/OS-TRUST/trusts", _trust(roles=[{"id": "role-admin"}]), 404),
    Try("owner", "POST", "/v3/OS-TRUST/trusts", _trust(roles=[{"name": "admin"}]), 404),
    Try("owner", "POST", "/v3/OS-TRUST/trusts", _trust(project_id="p2"), 404),
    Try("owner", "POST", "/v3/OS-TRUST/trusts", _trust(trustor_user_id="u-admin")),
    Try(
        "trustee",
        "POST",
        "/v3/OS-TRUST/trusts",
        _trust(trustor_user_id="u-bob", trustee_user_id="u-eve", roles=[{"id": "role-admin"}]),
    ),
    Try(
        "trustee",
        "POST",
        "/v3/OS-TRUST/trusts",
        _trust(
            trustor_user_id="u-bob",
            trustee_user_id="u-eve",
            expires_at="2099-01-01T00:00:00.000000Z",
        ),
    ),
    Try("trustee", "POST", _own("u-bob", "/application_credentials"), _robot()),
    Try("trustee", "POST", "/v3/credentials", _secret(user_id="u-alice")),
    Try("trustee", "POST", "/v3/credentials", _secret(user_id="u-bob", project_id="p2")),
    Try("owner", "POST", "/v3/credentials", _secret(user_id="u-admin")),
    Try("owner", "POST", "/v3/credentials", _secret(_SECRET | {"trust_id": "T"}), 400),
    Try("owner", "POST", "/v3/credentials", _secret(_SECRET | {"app_cred_id": "A"}), 400),
    Try("owner", "PATCH", "/v3/credentials/{cert}", {"credential": {"user_id": "u-admin"}}, 400),
    Try("owner", "PATCH", "/v3/credentials/{cert}", {"credential": {"type": "ec2"}}, 400),
    Try(
        "owner",
        "PATCH",
        "/v3/credentials/{ec2}",
        {"credential": {"blob": json.dumps(_SECRET | {"trust_id": "T"})}},
        400,
    ),
    Try("owner", "PATCH", "/v3/credentials/{ec2}", {"credential": {"id": "0" * 64}}, 400),
    Try("owner", "POST", _own("u-admin", "/credentials/OS-EC2"), {"tenant_id": "p1"}),
    Try(
        "owner",
        "POST",
        "/v3/auth/tokens",
        {
            "auth": {
                "identity": {"methods": ["token"], "token": {"id": "{restricted}"}},
                "scope": {"project": {"id": "p1"}},
            }
        },
        403,
    ),
    Try(
        "owner",
        "POST",
        "/v3/auth/tokens",
        {
            "auth": {
                "identity": {"methods": ["token"], "token": {"id": "{trustee}"}},
                "scope": {"project": {"id": "p2"}},
            }
        },
        403,
    ),
    Try(
        "owner",
        "POST",
        "/v3/auth/tokens",
        {
            "auth": {
                "identity": {"methods": ["token"], "token": {"id": "{owner}"}},
                "scope": {"project": {"id": "p2"}},
            }
        },
        401,
    ),
    Try(
        "owner",
        "POST",
        "/v3/auth/tokens",
        {
            "auth": {
                "identity": {"methods": ["token"], "token": {"id": "{owner}"}},
                "scope": {"system": {"all": True}},
            }
        },
        401,
    ),
]
# A manager of the domain "default".
MANAGERS = [
    Try("domain manager", "POST", "/v3/users", _user(name="x", domain_id="other")),
    Try("domain manager", "PATCH", _own("u-alice"), _user(domain_id="other"), 400),
    Try("domain manager", "PATCH", _own("u-alice"), _user(id="u-admin"), 400),
    Try("domain manager", "PATCH", _own("u-eve"), _user(password="mine now")),
    Try("domain manager", "PATCH", _own("u-admin"), _user(password="mine now")),
    Try(
        "domain manager",
        "PATCH",
        _own("u-admin"),
        _user(options={"multi_factor_auth_enabled": False}),
    ),
    Try("domain manager", "PATCH", _own("u-system-admin"), _user(password="mine now")),
    Try("domain manager", "PATCH", _own("u-system-reader"), _user(password="mine now")),
    Try("domain manager", "PATCH", _own("u-service"), _user(password="mine now")),
    Try("domain manager", "PATCH", _own("u-in-group"), _user(password="mine now")),
    Try("domain manager", "PATCH", _own("u-abroad"), _user(password="mine now")),
    Try("domain manager", "PUT", "/v3/groups/g-admins/users/u-domain-manager"),
    Try("domain manager", "PUT", "/v3/groups/g-abroad/users/u-domain-manager"),
    Try("domain manager", "PUT", "/v3/groups/g-home/users/u-eve"),
    Try("domain manager", "PUT", "/v3/groups/g-away/users/u-domain-manager"),
    Try("domain manager", "PATCH", "/v3/groups/g-home", {"group": {"domain_id": "other"}}, 400),
    Try("domain manager", "PATCH", "/v3/groups/g-home", {"group": {"id": "g-admins"}}, 400),
    Try("domain manager", "POST", "/v3/groups", {"group": {"name": "x", "domain_id": "other"}}),
    Try("domain manager", "PUT", "/v3/projects/p1/users/u-domain-manager/roles/role-admin"),
    Try("domain manager", "PUT", "/v3/projects/p1/users/u-domain-manager/roles/role-service"),
    Try("domain manager", "PUT", "/v3/domains/default/users/u-domain-manager/roles/role-admin"),
    Try("domain manager", "PUT", "/v3/domains/default/groups/g-home/roles/role-admin"),
    Try("domain manager", "PUT", "/v3/domains/default/groups/g-home/roles/role-boss"),
    Try("domain manager", "PUT", "/v3/domains/other/users/u-domain-manager/roles/role-manager"),
    Try("domain manager", "PUT", "/v3/projects/p3/users/u-domain-manager/roles/role-member"),
    Try("domain manager", "PUT", "/v3/projects/p1/users/u-eve/roles/role-member"),
    Try("domain manager", "PUT", "/v3/system/users/u-domain-manager/roles/role-reader"),
    Try("domain manager", "DELETE", "/v3/projects/p1/users/u-admin/roles/role-admin"),
    Try("domain manager", "PUT", "/v3/roles/role-manager/implies/role-admin"),
    Try("domain manager", "POST", "/v3/projects", _project(name="x", domain_id="other")),
    Try("domain manager", "POST", "/v3/projects", _project(name="x", parent_id="p3")),
    Try(
        "domain manager",
        "POST",
        "/v3/projects",
        _project(name="x", domain_id="default", parent_id="p3"),
        400,
    ),
    Try("domain manager", "POST", "/v3/projects", _project(name="x", is_domain=True)),
    Try("domain manager", "PATCH", "/v3/projects/p1", _project(domain_id="other"), 400),
    Try("domain manager", "PATCH", "/v3/projects/p1", _project(parent_id="p3")),
    Try("domain manager", "PATCH", "/v3/projects/p1", _project(id="u-domain-manager"), 400),
    Try("domain manager", "PATCH", "/v3/projects/default", _project(name="mine")),
    Try("domain manager", "PATCH", "/v3/projects/other", _project(enabled=False)),
    Try("domain manager", "PATCH", "/v3/domains/default", {"domain": {"name": "mine"}}),
    Try(
        "domain manager",
        "PUT",
        "/v3/domains/default/config",
        {"config": {"ldap": {"url": "ldap://evil"}}},
    ),
    Try("domain manager", "POST", "/v3/credentials", _secret()),
    Try("domain manager", "POST", _own("u-alice", "/credentials/OS-EC2"), {"tenant_id": "p1"}),
    Try("domain manager", "POST", _own("u-alice", "/application_credentials"), _robot()),
    Try("domain manager", "POST", "/v3/OS-TRUST/trusts", _trust()),
]
# Limits are for administrators alone, whatever API they are in.
QUOTAS = [
    Try(who, method, path, body, service=service)
    for who in (
        "owner",
        "project manager",
        "domain manager",
        "system manager",
        "restricted",
        "trustee",
    )
    for service, method, path, body in (
        ("compute", "PUT", "/v2.1/os-quota-sets/p1", {"quota_set": {"cores": 1000}}),
        (
            "compute",
            "PUT",
            "/v2.1/os-quota-sets/p1?user_id=u-alice",
            {"quota_set": {"cores": 1000}},
        ),
        ("compute", "DELETE", "/v2.1/os-quota-sets/p1", None),
        (
            "compute",
            "PUT",
            "/v2.1/os-quota-class-sets/default",
            {"quota_class_set": {"cores": 1000}},
        ),
        ("volume", "PUT", "/v3/os-quota-sets/p1", {"quota_set": {"volumes": 1000}}),
        ("volume", "DELETE", "/v3/os-quota-sets/p1", None),
        (
            "volume",
            "PUT",
            "/v3/os-quota-class-sets/default",
            {"quota_class_set": {"volumes": 1000}},
        ),
        ("network", "PUT", "/v2.0/quotas/p1", {"quota": {"network": 1000}}),
        ("network", "DELETE", "/v2.0/quotas/p1", None),
        (
            "account",
            "POST",
            "/v1.0/commissions",
            {
                "force": True,
                "provisions": [
                    {
                        "holder": "user:u-alice",
                        "source": "project:p1",
                        "resource": "cyclades.vm",
                        "quantity": -1,
                    }
                ],
            },
        ),
        ("account", "POST", "/v1.0/commissions/action", {"accept": [1], "reject": []}),
    )
]


class EscalationCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)
        self.cloud.write(resources.ensure)
        self.tokens = tokens_of_all(self.cloud)
        self.cloud.write(self.mighty)
        self.tokens |= {"ruled": self.ruled(), "trustee": self.trustee()}
        alice = self.tokens["owner"]
        cert = self.cloud.ask("POST", "/v3/credentials", alice, _secret(type="cert"))
        ec2 = self.cloud.ask("POST", "/v3/credentials", alice, _secret(_SECRET | {"access": "b"}))
        self.named = self.tokens | {
            "cert": cert.json["credential"]["id"],
            "ec2": ec2.json["credential"]["id"],
        }
        root = Resource()
        for router in self.routers():
            root.putChild(router.prefix.encode(), router.resource())
        self.cloud.treq = StubTreq(root)

    def routers(self) -> list[Any]:
        cloud = self.cloud
        usual = (cloud.database, cloud.authenticator, cloud.clock)
        given = cloud_over(*usual)
        return [
            cloud.router,
            compute_router(given),
            network_router(given),
            account_router(*usual),
            volume_router(given),
        ]

    def mighty(self, connection: Any) -> None:
        """
        Users and groups of the domain who have more than its managers may give, by every way.
        """
        boss = {"id": "role-boss", "name": "member", "domain_id": "default", "options": {}}
        things.create(connection, ROLE, boss)
        roles.imply(connection, "role-boss", "role-service")
        for group in ("g-admins", "g-abroad"):
            fields = {"id": group, "name": group, "domain_id": "default", "description": ""}
            things.create(connection, GROUP, fields)
        for user in ("u-in-group", "u-abroad"):
            fields = {"id": user, "name": user, "domain_id": "default", "enabled": True}
            things.create(
                connection, USER, fields | {"password_hash": HASHES["bob"], "options": {}}
            )
        grant(connection, Grant("group", "g-admins", "domain", "default", "role-admin"))
        grant(connection, Grant("group", "g-abroad", "project", "p3", "role-reader"))
        grant(connection, Grant("user", "u-abroad", "domain", "other", "role-reader", True))
        add_member(connection, "u-in-group", "g-admins")

    def ruled(self) -> str:
        """
        A token of an unrestricted application credential of alice's, for one call alone.
        """
        path = _own("u-alice", "/application_credentials")
        rules = [
            {"service": "identity", "method": "POST", "path": "/v3/users/*/application_credentials"}
        ]
        body = _robot(name="ruled", unrestricted=True, access_rules=rules)
        made = self.cloud.ask("POST", path, self.tokens["owner"], body)
        told = {"id": made.json["application_credential"]["id"], "secret": "x"}
        answer = self.cloud.authenticate(application_credential=told)
        self.assertEqual(answer.code, 201, answer.body)
        return answer.header("X-Subject-Token")

    def trustee(self) -> str:
        """
        A token of bob's, by a trust of alice's that he may hand on.
        """
        body = _trust(allow_redelegation=True, expires_at="2027-06-01T00:00:00.000000Z")
        made = self.cloud.ask("POST", "/v3/OS-TRUST/trusts", self.tokens["owner"], body)
        scope = {"OS-TRUST:trust": {"id": made.json["trust"]["id"]}}
        return self.cloud.token("bob", scope)

    def everything(self) -> dict[str, list[Any]]:
        """
        Every row of every table, but for what tells of failed log-ins.
        """
        told = {"failed_logins", "failed_login_at"}
        with self.cloud.database.engine.connect() as connection:
            return {
                table.name: sorted(
                    repr(row)
                    for row in connection.execute(
                        select(*(column for column in table.c if column.name not in told))
                    )
                )
                for table in metadata.sorted_tables
                if table.name != "audit_log"
            }

    def ask(self, one: Try) -> Any:
        text = json.dumps(one.body)
        for name, value in self.named.items():
            text = text.replace(f'"{{{name}}}"', json.dumps(value))
        body = json.loads(text)
        path = one.path.format_map(self.named)
        url = f"http://cloud.test/{one.service}{path}"
        headers = {"X-Auth-Token": self.tokens[one.who], "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        response = self.successResultOf(
            self.cloud.treq.request(one.method, url, headers=headers, data=data)
        )
        self.cloud.treq.flush()
        return response.code, self.successResultOf(response.content())

    def all_refused(self, table: list[Try]) -> None:
        before, wrong = self.everything(), []
        for one in table:
            code, body = self.ask(one)
            after = self.everything()
            changed = [name for name in before if before[name] != after[name]]
            if code != one.code or changed:
                wrong.append(f"{one} -> {code} {body[:120]!r} changed {changed}")
            before = after
        self.assertEqual(wrong, [], "\n".join(wrong))


class EscalationTests(EscalationCase):
    def test_members(self) -> None:
        self.all_refused(MEMBERS)

    def test_what_is_handed_on(self) -> None:
        self.all_refused(DELEGATING)

    def test_managers_of_a_domain(self) -> None:
        self.all_refused(MANAGERS)

    def test_quotas(self) -> None:
        self.all_refused(QUOTAS)

    def test_an_id_that_a_client_gives_is_not_taken(self) -> None:
        """
        A user with the id of a project would have the limits of a personal one.
        """
        token = self.tokens["domain manager"]
        for noun in ("user", "group", "project"):
            body = {noun: {"id": "p1", "name": f"a {noun}", "domain_id": "default"}}
            made = self.cloud.ask("POST", f"/v3/{noun}s", token, body)
            self.assertEqual(made.code, 201, made.body)
            self.assertNotEqual(made.json[noun]["id"], "p1")

    def test_an_application_credential_is_of_the_token_s_project(self) -> None:
        path = _own("u-alice", "/application_credentials")
        made = self.cloud.ask("POST", path, self.tokens["owner"], _robot(project_id="p2"))
        self.assertEqual(made.json["application_credential"]["project_id"], "p1")

    def test_a_role_of_a_domain_is_none_in_a_token(self) -> None:
        """
        Also when it is called "admin".
        """
        fields = {"id": "role-x", "name": "admin", "domain_id": "default", "options": {}}
        self.cloud.write(things.create, ROLE, fields)
        self.cloud.write(grant, Grant("user", "u-alice", "project", "p1", "role-x"))
        token = self.cloud.token("alice", {"project": {"id": "p1"}})
        self.assertEqual(self.cloud.ask("GET", "/v3/services", token).code, 403)

    def test_managers_may_do_what_is_theirs(self) -> None:
        """
        The same requests, for those who have no more than the domain's managers may give.
        """
        manager = self.tokens["domain manager"]
        for method, path, body, code in (
            ("PATCH", _own("u-alice"), _user(password=SECRETS["bob"]), 200),
            ("PUT", "/v3/groups/g-home/users/u-alice", None, 204),
            ("PUT", "/v3/domains/default/groups/g-home/roles/role-reader", None, 204),
            ("PUT", "/v3/groups/g-home/users/u-bob", None, 204),
            ("PUT", "/v3/projects/p1/users/u-bob/roles/role-manager", None, 204),
        ):
            answer = self.cloud.ask(method, path, manager, body)
            self.assertEqual(answer.code, code, f"{method} {path}: {answer.body!r}")
