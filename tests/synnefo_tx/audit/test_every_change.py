"""
Every permission to change something in the identity API leaves its line in the audit log.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import field, frozen
from sqlalchemy import select

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.identity.permission_table import PERMISSIONS
from tests.synnefo_tx.identity.asking import AskingCase
from tests.synnefo_tx.identity.cloud import SECRETS

READS = ("get_", "list_", "check_", "validate_", "ec2_get_", "ec2_list_")
# An EC2 or S3 signature is a log-in, which tests of its own follow.
LOG_INS = {"identity:ec2tokens_validate", "identity:s3tokens_validate"}
GRANTS = "/projects/p2/users/u-alice/roles/role-reader"
FILTER = "/OS-EP-FILTER"

# Changes of a domain's roles ask for those of roles, which need the same.
AS_ROLES = {f"identity:{verb}_domain_role" for verb in ("create", "update", "delete")}


@frozen
class Step:
    """
    A request that is carried out.  Parts in braces are ids of what earlier steps have made, each
    by the name in `made`.
    """

    action: str
    method: str
    path: str
    body: Any = None
    made: str = field(default="", kw_only=True)
    who: str = field(default="admin", kw_only=True)


def _both(noun: str, path: str, new: dict[str, Any], other: dict[str, Any]) -> list[Step]:
    """
    Made and changed.
    """
    return [
        Step(f"create_{noun}", "POST", path, {noun: new}, made=noun),
        Step(f"update_{noun}", "PATCH", f"{path}/{{{noun}}}", {noun: other}),
    ]


def _gone(noun: str, path: str) -> Step:
    return Step(f"delete_{noun}", "DELETE", f"{path}/{{{noun}}}")


_NAME, _OTHER = {"name": "new"}, {"description": "other"}
_LIMIT = {"service_id": "{service}", "resource_name": "r"}
LIFE = [
    *_both("domain", "/domains", _NAME, {"enabled": False}),
    Step(
        "create_domain_config",
        "PUT",
        "/domains/{domain}/config",
        {"config": {"ldap": {"url": "x"}}},
    ),
    Step(
        "update_domain_config",
        "PATCH",
        "/domains/{domain}/config",
        {"config": {"ldap": {"url": "y"}}},
    ),
    Step("delete_domain_config", "DELETE", "/domains/{domain}/config"),
    _gone("domain", "/domains"),
    *_both("project", "/projects", _NAME, _OTHER),
    Step("update_project_tags", "PUT", "/projects/{project}/tags", {"tags": ["one", "two"]}),
    Step("create_project_tag", "PUT", "/projects/{project}/tags/three"),
    Step("delete_project_tag", "DELETE", "/projects/{project}/tags/one"),
    Step("delete_project_tags", "DELETE", "/projects/{project}/tags"),
    *_both("user", "/users", _NAME, _OTHER),
    *_both("group", "/groups", _NAME, _OTHER),
    Step("add_user_to_group", "PUT", "/groups/{group}/users/{user}"),
    Step("remove_user_from_group", "DELETE", "/groups/{group}/users/{user}"),
    *_both("role", "/roles", _NAME, _OTHER),
    Step("create_implied_role", "PUT", "/roles/{role}/implies/role-reader"),
    Step("delete_implied_role", "DELETE", "/roles/{role}/implies/role-reader"),
    Step("create_grant", "PUT", GRANTS),
    Step("revoke_grant", "DELETE", GRANTS),
    Step("create_system_grant_for_user", "PUT", "/system/users/{user}/roles/{role}"),
    Step("revoke_system_grant_for_user", "DELETE", "/system/users/{user}/roles/{role}"),
    Step("create_system_grant_for_group", "PUT", "/system/groups/{group}/roles/{role}"),
    Step("revoke_system_grant_for_group", "DELETE", "/system/groups/{group}/roles/{role}"),
    Step("create_region", "POST", "/regions", {"region": {"id": "r"}}),
    Step("update_region", "PATCH", "/regions/r", {"region": _OTHER}),
    *_both("service", "/services", {"type": "t"}, {"name": "other"}),
    *_both(
        "endpoint",
        "/endpoints",
        {"interface": "public", "service_id": "{service}", "url": "http://x", "region_id": "r"},
        {"url": "http://y"},
    ),
    Step(
        "create_registered_limits",
        "POST",
        "/registered_limits",
        {"registered_limits": [_LIMIT | {"default_limit": 5}]},
        made="registered_limit",
    ),
    Step(
        "update_registered_limit",
        "PATCH",
        "/registered_limits/{registered_limit}",
        {"registered_limit": {"default_limit": 6}},
    ),
    Step(
        "create_limits",
        "POST",
        "/limits",
        {"limits": [_LIMIT | {"project_id": "p1", "resource_limit": 3}]},
        made="limit",
    ),
    Step("update_limit", "PATCH", "/limits/{limit}", {"limit": {"resource_limit": 4}}),
    Step("delete_limit", "DELETE", "/limits/{limit}"),
    Step("delete_registered_limit", "DELETE", "/registered_limits/{registered_limit}"),
    *_both(
        "endpoint_group",
        f"{FILTER}/endpoint_groups",
        {"name": "g", "filters": {"interface": "public"}},
        _OTHER,
    ),
    Step(
        "add_endpoint_group_to_project",
        "PUT",
        f"{FILTER}/endpoint_groups/{{endpoint_group}}/projects/p1",
    ),
    Step(
        "remove_endpoint_group_from_project",
        "DELETE",
        f"{FILTER}/endpoint_groups/{{endpoint_group}}/projects/p1",
    ),
    Step("add_endpoint_to_project", "PUT", f"{FILTER}/projects/p1/endpoints/{{endpoint}}"),
    Step("remove_endpoint_from_project", "DELETE", f"{FILTER}/projects/p1/endpoints/{{endpoint}}"),
    _gone("endpoint_group", f"{FILTER}/endpoint_groups"),
    _gone("endpoint", "/endpoints"),
    _gone("service", "/services"),
    Step("delete_region", "DELETE", "/regions/r"),
    *_both("policy", "/policies", {"blob": "x", "type": "t"}, {"type": "u"}),
    _gone("policy", "/policies"),
    *_both("consumer", "/OS-OAUTH1/consumers", _OTHER, {"description": "more"}),
    _gone("consumer", "/OS-OAUTH1/consumers"),
    Step(
        "create_application_credential",
        "POST",
        "/users/u-alice/application_credentials",
        {
            "application_credential": {
                "name": "robot",
                "access_rules": [{"service": "identity", "method": "GET", "path": "/v3/users"}],
            }
        },
        made="application_credential",
        who="alice",
    ),
    Step(
        "delete_application_credential",
        "DELETE",
        "/users/u-alice/application_credentials/{application_credential}",
    ),
    Step("delete_access_rule", "DELETE", "/users/u-alice/access_rules/{access_rule}"),
    *_both(
        "credential",
        "/credentials",
        {"user_id": "u-alice", "type": "cert", "blob": "x"},
        {"blob": "y"},
    ),
    _gone("credential", "/credentials"),
    Step(
        "ec2_create_credential",
        "POST",
        "/users/u-alice/credentials/OS-EC2",
        {"tenant_id": "p1"},
        made="access",
    ),
    Step("ec2_delete_credential", "DELETE", "/users/u-alice/credentials/OS-EC2/{access}"),
    Step(
        "create_trust",
        "POST",
        "/OS-TRUST/trusts",
        {
            "trust": {
                "trustor_user_id": "u-alice",
                "trustee_user_id": "u-bob",
                "project_id": "p1",
                "impersonation": False,
                "roles": [{"id": "role-member"}],
            }
        },
        made="trust",
        who="alice",
    ),
    Step("delete_trust", "DELETE", "/OS-TRUST/trusts/{trust}"),
    _gone("group", "/groups"),
    _gone("user", "/users"),
    _gone("role", "/roles"),
    _gone("project", "/projects"),
    Step(
        "change_password",
        "POST",
        "/users/u-alice/password",
        {"user": {"original_password": SECRETS["alice"], "password": "another horse"}},
    ),
    Step("revoke_token", "DELETE", "/auth/tokens", who="bob"),
]


class EveryChangeTests(AskingCase):
    """
    One cloud lives through all of it.
    """

    def setUp(self) -> None:
        super().setUp()
        self.known: dict[str, str] = {}

    def lines(self) -> list[Any]:
        with self.cloud.database.engine.connect() as connection:
            return list(connection.execute(select(audit_log).order_by(audit_log.c.id)))

    def take(self, step: Step) -> None:
        """
        It is carried out, and leaves one line: by whom, and no secret.
        """
        before = len(self.lines())
        text = json.dumps(step.body)
        for name, value in self.known.items():
            text = text.replace(f"{{{name}}}", value)
        token = getattr(self, step.who)
        path = f"/v3{step.path.format_map(self.known)}"
        more = {"X-Subject-Token": token} if step.action == "revoke_token" else {}
        answer = self.cloud.ask(step.method, path, token, json.loads(text), headers=more)
        self.assertLess(answer.code, 300, f"{step}: {answer.body!r}")
        new = self.lines()[before:]
        self.assertEqual([line.action for line in new], [f"identity:{step.action}"], step)
        [line] = new
        self.assertEqual((line.outcome, bool(line.user_id)), ("success", True), step)
        self.assertTrue(line.target_id or line.action.endswith(("_limits",)), step)
        self.assertTrue(line.request_id.startswith("req-"), step)
        if step.made:
            self.remember(step.made, answer.json)

    def remember(self, name: str, told: dict[str, Any]) -> None:
        [found] = told.values()
        one = found[0] if isinstance(found, list) else found
        self.known[name] = one["access" if name == "access" else "id"]
        if name == "application_credential":
            self.known["access_rule"] = one["access_rules"][0]["id"]

    def test_every_permission_to_change_something(self) -> None:
        for step in LIFE:
            self.take(step)
        written = {line.action for line in self.lines()}
        wanted = {
            name
            for name in PERMISSIONS
            if not name.removeprefix("identity:").startswith(READS)
            and name not in LOG_INS | AS_ROLES
        }
        self.assertEqual(wanted - written, set(), "no step of LIFE for that")

    def test_what_is_refused_leaves_none_of_it(self) -> None:
        """
        Whatever bob asks for, nothing was done.
        """
        before = len(self.lines())
        names = {step.made: "u-alice" for step in LIFE} | {"access_rule": "u-alice"}
        for step in LIFE:
            if step.action in ("change_password", "revoke_token"):
                continue
            path = f"/v3{step.path.format_map(names)}"
            answer = self.cloud.ask(step.method, path, self.bob, step.body)
            self.assertGreaterEqual(answer.code, 400, step)
        self.assertEqual(self.lines()[before:], [])
