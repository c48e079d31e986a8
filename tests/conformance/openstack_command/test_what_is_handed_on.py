"""
Tokens, credentials, application credentials and trusts by the `openstack` command.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.openstack_command.shell import Who
from tests.conformance.openstack_command.steps import Does, Fails, Gives, Lists, TypingCase

RULE = json.dumps([{"service": "compute", "method": "GET", "path": "/v2.1/servers"}])


class HandingOnTests(TypingCase):
    """Every user is one of this class's domain."""

    def user(self, name: str) -> Who:
        """A new member of a new project, both of this name, in a domain of theirs."""
        self.steps(
            Does(f"domain create {name}"),
            Does(f"project create {name} --domain {name}"),
            Does(f"user create {name} --domain {name} --password {name}"),
            Does(
                f"role add --user {name} --user-domain {name} --project {name} "
                f"--project-domain {name} member"
            ),
        )
        return Who(name, name, name, name)

    def test_tokens(self) -> None:
        """Worth something until they are taken back."""
        token = self.value("token issue", "id")
        by_it = {"OS_AUTH_TYPE": "token", "OS_TOKEN": token}
        gone = dict.fromkeys(("OS_USERNAME", "OS_PASSWORD", "OS_USER_DOMAIN_NAME"), "")
        said = self.shell.type("project list -f json", more=by_it | gone)
        self.assertEqual(said.status, 0, said.err)
        self.steps(Does(f"token revoke {token}"))
        refused = self.shell.type("project list", more=by_it | gone)
        self.assertIn("Failed to validate token", refused.err)

    def test_application_credentials(self) -> None:
        """With a secret and an end of one's own; one works only where its rules allow it."""
        otto = self.user("otto")
        self.steps(
            Gives(
                "application credential create robot --description R --role member "
                "--unrestricted --expiration 2040-01-01T00:00:00 --secret shh",
                Name="robot",
                Description="R",
                Secret="shh",
                Unrestricted=True,
                Expires_At="2040-01-01T00:00:00.000000",
            ),
            Fails("application credential create robot", "Duplicate entry found with name robot"),
            Gives(f"application credential create looker --access-rules '{RULE}'", Name="looker"),
            Lists("application credential list", "Name", "robot", "looker"),
            Gives("application credential show robot", Description="R"),
            Lists("access rule list", "Path", "/v2.1/servers"),
            who=otto,
        )
        self._log_in_by("robot", otto)
        [rule] = self.shell.type("access rule list -f json", otto).json
        self.steps(
            Gives(f"access rule show {rule['ID']}", Service="compute", Method="GET"),
            Fails(f"access rule delete {rule['ID']}", "1 of 1 access rules failed to delete"),
            Does("application credential delete looker"),
            Does(f"access rule delete {rule['ID']}"),
            Lists("access rule list", "ID"),
            Does("application credential delete robot"),
            who=otto,
        )

    def _log_in_by(self, name: str, owner: Who) -> None:
        own = {
            "OS_AUTH_TYPE": "v3applicationcredential",
            "OS_APPLICATION_CREDENTIAL_NAME": name,
            "OS_APPLICATION_CREDENTIAL_SECRET": "shh",
            "OS_PASSWORD": "",
            "OS_PROJECT_NAME": "",
            "OS_PROJECT_DOMAIN_NAME": "",
        }
        said = self.shell.type("token issue -f json", owner, own)
        self.assertEqual(said.status, 0, said.err)
        project_id = self.value(f"project show {owner.project} --domain {owner.domain}", "id")
        self.assertEqual(said.json["project_id"], project_id)

    def test_ec2_credentials(self) -> None:
        """One's own, and another's for administrators."""
        olga = self.user("olga")
        access = self.value("ec2 credentials create", "access", olga)
        whose = "--user olga --user-domain olga"
        self.steps(
            Lists("ec2 credentials list", "Access", access),
            Gives(f"ec2 credentials show {access}", access=access, trust_id=None),
            who=olga,
        )
        self.steps(
            Lists(f"ec2 credentials list {whose}", "Access", access),
            Does(f"ec2 credentials delete {access} {whose}"),
            Lists(f"ec2 credentials list {whose}", "Access"),
        )

    def test_credentials(self) -> None:
        """Of any type."""
        self.user("carl")
        carl = self.value("user show carl --domain carl", "id")
        home = self.value("project show carl --domain carl", "id")
        one = self.value(f"credential create --type cert --project {home} {carl} blob", "id")
        self.steps(
            Lists(f"credential list --user {carl}", "Data", "blob"),
            Lists("credential list --type cert", "ID", one, among=True),
            Does(f"credential set {one} --user {carl} --type cert --data other --project {home}"),
            Gives(f"credential show {one}", blob="other", type="cert", user_id=carl),
            Does(f"credential delete {one}"),
            Fails(f"credential show {one}", one),
        )

    def test_trusts(self) -> None:
        """Given and taken back by the trustor."""
        tom, tim = self.user("tom"), self.user("tim")
        tom_id = self.value("user show tom --domain tom", "id")
        tim_id = self.value("user show tim --domain tim", "id")
        home = self.value("project show tom --domain tom", "id")
        member = self.value("role show member", "id")  # members may not look roles up
        trust = self.value(
            f"trust create {tom_id} {tim_id} --project {home} --role {member} --impersonate "
            "--expiration 2040-01-01T00:00:00",
            "id",
            tom,
        )
        self.steps(
            Lists("trust list --auth-user", "ID", trust),
            Gives(f"trust show {trust}", is_impersonation=True, trustee_user_id=tim_id),
            who=tom,
        )
        self.steps(
            Lists(f"trust list --trustor {tom_id}", "ID", trust),
            Lists(f"trust list --trustee {tim_id}", "ID", trust),
        )
        unscoped = {"OS_PROJECT_NAME": "", "OS_PROJECT_DOMAIN_NAME": "", "OS_TRUST_ID": trust}
        said = self.shell.type("token issue -f json", tim, unscoped)
        self.assertEqual(said.status, 0, said.err)
        self.assertEqual((said.json["user_id"], said.json["project_id"]), (tom_id, home))
        self.steps(Does(f"trust delete {trust}"), Lists("trust list --auth-user", "ID"), who=tom)

    def test_policies(self) -> None:
        """Text that Keystone keeps for others."""
        rules = self.mktemp()
        Path(rules).write_text("{}")
        one = self.value(f"policy create {rules} --type text/plain", "id")
        self.steps(
            Lists("policy list --long", "Rules", "{}"),
            Does(f"policy set {one} --type application/json"),
            Gives(f"policy show {one}", type="application/json"),
            Does(f"policy delete {one}"),
        )
