"""
Everybody who may come to the identity API, with a token, and one of every kind to ask for.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from synnefo_tx.identity.rows import accounts, things
from synnefo_tx.identity.rows.grants import Grant, grant
from synnefo_tx.identity.rows.kinds import GROUP
from tests.synnefo_tx.identity.cloud import HASHES, SECRETS, IdentityCloud

# Name: the role, and where it is held.  All are users of the domain "default".
ROLES_AT = {
    "project reader": ("reader", "project", "p2"),
    "project member": ("member", "project", "p2"),
    "project manager": ("manager", "project", "p2"),
    "project admin": ("admin", "project", "p2"),
    "domain reader": ("reader", "domain", "default"),
    "domain member": ("member", "domain", "default"),
    "domain manager": ("manager", "domain", "default"),
    "domain admin": ("admin", "domain", "default"),
    "system reader": ("reader", "system", "all"),
    "system member": ("member", "system", "all"),
    "system manager": ("manager", "system", "all"),
    "system admin": ("admin", "system", "all"),
    "service": ("service", "project", "p2"),
}
SCOPES: dict[str, Any] = {
    "project": {"project": {"id": "p2"}},
    "domain": {"domain": {"id": "default"}},
    "system": {"system": {"all": True}},
}
# What is there to ask for, in the personas' domain: parts of paths, each with its value.
HOME = {"user": "u-alice", "project": "p1", "group": "g-home", "domain": "default"}
AWAY = {"user": "u-eve", "project": "p3", "group": "g-away", "domain": "other"}


def user_id(persona: str) -> str:
    """The id of its user."""
    return "u-" + persona.replace(" ", "-")


def people(connection: Connection) -> None:
    """Users with their roles, and a group and a user of another domain."""
    for role in ("manager", "service"):
        accounts.create_role(connection, f"role-{role}", role)
    for persona, (role, kind, place) in ROLES_AT.items():
        name = user_id(persona)
        accounts.create_user(connection, name, "default", name, HASHES["alice"])
        grant(connection, Grant("user", name, kind, place, f"role-{role}"))
    accounts.create_user(connection, "u-eve", "other", "eve", HASHES["bob"])
    for group, domain in (("g-home", "default"), ("g-away", "other")):
        things.create(
            connection, GROUP, {"id": group, "name": group, "domain_id": domain, "description": ""}
        )


def tokens_of_all(cloud: IdentityCloud) -> dict[str, str]:
    """
    A token for each persona: those of ROLES_AT; "owner", whose things HOME names, in her project;
    "unscoped"; "other user" of another project; "restricted", by an application credential.
    """
    cloud.write(people)
    found = {
        "owner": cloud.token("alice", SCOPES["project"] | {"project": {"id": "p1"}}),
        "unscoped": cloud.token("bob", "unscoped"),
        "other user": cloud.token("bob", {"project": {"id": "p2"}}),
    }
    for persona, (_, kind, _) in ROLES_AT.items():
        answer = cloud.login(user_id(persona), SCOPES[kind], password=SECRETS["alice"])
        assert answer.code == 201, (persona, answer.body)
        found[persona] = answer.header("X-Subject-Token")
    return found | {"restricted": restricted(cloud, found["other user"], "u-bob")}


def restricted(cloud: IdentityCloud, token: str, owner: str) -> str:
    """A token that its user's application credential gives."""
    body = {"application_credential": {"name": "robot", "secret": "of the robot"}}
    path = f"/v3/users/{owner}/application_credentials"
    made = cloud.ask("POST", path, token, body).json["application_credential"]
    told = {"id": made["id"], "secret": "of the robot"}
    return cloud.authenticate(application_credential=told).header("X-Subject-Token")
