"""
Domains, projects, users, groups and roles by the `openstack` command.
"""

from __future__ import annotations

import time

from tests.conformance.openstack_command.shell import Who
from tests.conformance.openstack_command.steps import Does, Fails, Gives, Lacks, Lists, TypingCase


class AccountTests(TypingCase):
    """Each test has a domain of its own."""

    def test_domains(self) -> None:
        """Made, changed, found, and removed only when disabled."""
        self.steps(
            Gives("domain create d1 --description x", name="d1", enabled=True, description="x"),
            Gives("domain create d1 --or-show", description="x"),
            Fails("domain create d1", "it is not permitted to have two"),
            Does("domain set d1 --name d2 --description y"),
            Gives("domain show d2", name="d2", description="y"),
            Lists("domain list --name d2", "Name", "d2"),
            Lists("domain list", "Name", "Default", "d2", among=True),
            Fails("domain delete d2", "Cannot delete a domain that is enabled"),
            Does("domain set d2 --disable"),
            Lacks("domain list --enabled", "Name", "d2"),
            Does("domain delete d2"),
            Fails("domain show d2", "d2"),
        )

    def test_projects(self) -> None:
        """A tree with tags and properties of one's own."""
        self.steps(
            Does("domain create p"),
            Gives(
                "project create a --domain p --description A --property colour=red --tag t1",
                name="a",
                description="A",
                is_domain=False,
                tags=["t1"],
                colour="red",
            ),
            Does("project create b --domain p --parent a"),
            Gives("project create b --domain p --or-show", name="b"),
            Fails("project create b --domain p", "it is not permitted to have two projects"),
            Does("project set a --domain p --name a2 --tag t2 --property colour=green"),
            Gives("project show a2 --domain p", tags=["t1", "t2"], colour="green"),
            Lists("project list --domain p --long", "Description", "A", ""),
            Lists("project list --tags t1,t2", "Name", "a2"),
            Lists("project list --domain p --not-tags t1", "Name", "b"),
            Lists("project list --tags-any t2,t3", "Name", "a2"),
            Lists("project list --domain p --not-tags-any t2,t3", "Name", "b"),
            Lists("project list --parent a2", "Name", "b"),
            Lists("project list --my-projects", "Name", "admin", among=True),
            Does("project set a2 --domain p --remove-tag t1"),
            Does("project set a2 --domain p --clear-tags"),
            Gives("project show a2 --domain p", tags=[]),
            Fails("project delete a2 --domain p", "1 of 1 projects failed to delete"),
            Does("project delete b a2 --domain p"),
        )

    def test_the_tree(self) -> None:
        """What is above and what is below."""
        self.steps(
            Does("domain create t"),
            Does("project create up --domain t"),
            Does("project create down --domain t --parent up"),
        )
        up, down = (self.value(f"project show {name} --domain t", "id") for name in ("up", "down"))
        self.steps(
            Gives("project show up --domain t --children", subtree={down: None}),
            Gives("project show down --domain t", parent_id=up),
        )
        parents = self.value("project show down --domain t --parents", "parents")
        self.assertIn(up, parents)

    def test_users(self) -> None:
        """With their options; a new password by administrators and by themselves."""
        self.steps(
            Does("domain create u"),
            Does("project create home --domain u"),
            Gives(
                "user create ann --domain u --project home --project-domain u --password first1 "
                "--email a@b.c --description A --ignore-password-expiry "
                "--multi-factor-auth-rule password,totp --disable-multi-factor-auth",
                name="ann",
                email="a@b.c",
                description="A",
                enabled=True,
                password_expires_at=None,
                options={
                    "ignore_password_expiry": True,
                    "multi_factor_auth_enabled": False,
                    "multi_factor_auth_rules": [["password", "totp"]],
                },
            ),
            Gives("user create ann --domain u --password x --or-show", description="A"),
            Fails("user create ann --domain u --password x", "Duplicate entry found with name ann"),
            Does("user set ann --domain u --name anne --email x@y.z"),
            Gives("user show anne --domain u", email="x@y.z", name="anne"),
            Lists("user list --domain u --long", "Email", "x@y.z"),
            Does("role add --user anne --user-domain u --project home --project-domain u member"),
            Lists("user list --project home --domain u", "Name", "anne"),
            Lists("project list --user anne --domain u", "Name", "home"),
        )
        anne = Who("anne", "first1", "u", "home")
        self.steps(
            Lists("project list", "Name", "home"),
            Lists("project list --my-projects", "Name", "home"),
            Fails("user list", "You are not authorized to perform the requested action"),
            Does("user password set --original-password first1 --password second2"),
            Fails("token issue", "The request you have made requires authentication"),
            who=anne,
        )
        self._past_this_second()
        self.steps(Lists("project list", "Name", "home"), who=Who("anne", "second2", "u", "home"))
        self.steps(
            Does("user set anne --domain u --password third3 --disable"),
            Lists("user list --domain u --disabled", "Name", "anne"),
            Does("user delete anne --domain u"),
            Fails("user show anne --domain u", "anne"),
        )

    def test_groups(self) -> None:
        """And who is in them."""
        whose = "--group-domain g --user-domain g"
        self.steps(
            Does("domain create g"),
            Does("user create bob --domain g --password x"),
            Does("user create eve --domain g --password x"),
            Gives("group create crew --domain g --description G", name="crew", description="G"),
            Fails("group create crew --domain g", "Conflict occurred attempting to store group"),
            Does("group set crew --domain g --name team --description H"),
            Gives("group show team --domain g", name="team", description="H"),
            Lists("group list --domain g --long", "Description", "H"),
            Does(f"group add user team bob eve {whose}"),
            Does(f"group contains user team bob {whose}"),
            Lists("user list --group team", "Name", "bob", "eve"),
            Lists("group list --user bob --user-domain g", "Name", "team"),
            Does(f"group remove user team eve {whose}"),
            Lists("user list --group team", "Name", "bob"),
            Does("group delete team --domain g"),
            Lists("group list --domain g", "Name"),
        )

    def _past_this_second(self) -> None:
        """Tokens of the second in which something was taken back are worth nothing."""
        time.sleep(1.05 - time.time() % 1)


class RoleTests(TypingCase):
    """Roles, what they imply, and who has them where."""

    def test_roles(self) -> None:
        """Of the whole cloud and of a domain."""
        self.steps(
            Does("domain create r"),
            Gives("role create pilot --description P", name="pilot", description="P"),
            Gives("role create pilot --or-show", description="P"),
            Fails("role create pilot", "Duplicate entry found with name pilot"),
            Does("role set pilot --name captain --description Q"),
            Gives("role show captain", description="Q", domain_id=None),
            Does("role create inner --domain r"),
            Lists("role list --domain r", "Name", "inner"),
            Lists("role list", "Name", "admin", "captain", "member", "reader", among=True),
            Does("role delete inner --domain r"),
            Does("role delete captain"),
            Fails("role show captain", "captain"),
        )

    def test_implied_roles(self) -> None:
        """One that implies two."""
        self.steps(
            Does("role create mate"),
            Does("role create cook"),
            Does("implied role create mate --implied-role cook"),
            Lists("implied role list", "Prior Role Name", "admin", "manager", "member", "mate"),
            Fails("implied role create cook --implied-role admin", "cannot be an implied role"),
            Does("implied role delete mate --implied-role cook"),
            Does("role delete mate cook"),
        )

    def test_assignments(self) -> None:
        """On a project, a domain and the system, inherited, by a group, and in effect."""
        user = "--user ida --user-domain s"
        up = "--project up --project-domain s"
        self.steps(
            Does("domain create s"),
            Does("project create up --domain s"),
            Does("project create down --domain s --parent up"),
            Does("user create ida --domain s --password x"),
            Does("group create team --domain s"),
            Does("group add user team ida --group-domain s --user-domain s"),
            Does(f"role add {user} {up} member"),
            Does(f"role add --group team --group-domain s {up} --inherited manager"),
            Does(f"role add {user} --domain s reader"),
            Does(f"role add {user} --system all reader"),
            Lists(f"role assignment list {user} --names", "Role", "member", "reader", "reader"),
            Lists(f"role assignment list {user} {up} --names", "Project", "up@s"),
            Lists(f"role assignment list {up} --names", "Role", "member", "manager"),
            Lists(f"role assignment list {up} --inherited --names", "Group", "team@s"),
            Lists(f"role assignment list {user} {up} --effective --names", "Role", *_MEMBER),
            Lists(
                "role assignment list --project down --project-domain s --effective --names",
                "Role",
                "manager",
                *_MEMBER,
            ),
            Lists("role assignment list --group team --group-domain s --names", "User", ""),
            Lists("role assignment list --domain s --names", "User", "ida@s"),
            Lists("role assignment list --system all --names", "User", "admin@Default", "ida@s"),
            Lists("role assignment list --role manager --names", "Group", "team@s"),
            Lists("role assignment list --auth-project --names", "Project", "admin@Default"),
            Lists("role assignment list --auth-user --names", "System", "", "all"),
            Does(f"role remove {user} --system all reader"),
            Does(f"role remove {user} --domain s reader"),
            Does(f"role remove --group team --group-domain s {up} --inherited manager"),
            Lists(f"role assignment list {up} --names", "Role", "member"),
        )


_MEMBER = ("member", "reader")
