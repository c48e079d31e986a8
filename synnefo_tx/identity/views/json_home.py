"""
The JSON home document: where each kind of resource is, by the names that Keystone's API reference
gives them.

Source: draft-nottingham-json-home-03; Keystone's `rel` names, release 2026.1.
"""

from __future__ import annotations

import re
from typing import Any

DOCS = "https://docs.openstack.org/api/openstack-identity/3"
_EXPERIMENTAL = {"limits", "limit", "limit_model", "registered_limits", "registered_limit"}
_ELSEWHERE = {  # extensions that the path does not name
    "ec2tokens": "OS-EC2",
    "s3tokens": "s3tokens",
}
# Keystone's documents have other names for these parts of paths.
_PARAMETERS = {
    "prior_role_id": "/param/role_id",
    "implied_role_id": "/param/role_id",
    "value": "/param/tag_value",
    "group": "/param/config_group",
    "option": "/param/config_option",
    "trust_id": "/ext/OS-TRUST/1.0/param/trust_id",
    "endpoint_group_id": "/ext/OS-EP-FILTER/1.0/param/endpoint_group_id",
}
RESOURCES = """
auth_tokens /auth/tokens
auth_projects /auth/projects
auth_domains /auth/domains
auth_system /auth/system
auth_catalog /auth/catalog
credentials /credentials
credential /credentials/{credential_id}
domains /domains
domain /domains/{domain_id}
domain_config /domains/{domain_id}/config
domain_config_group /domains/{domain_id}/config/{group}
domain_config_option /domains/{domain_id}/config/{group}/{option}
domain_config_default /domains/config/default
domain_config_default_group /domains/config/{group}/default
domain_config_default_option /domains/config/{group}/{option}/default
domain_user_roles /domains/{domain_id}/users/{user_id}/roles
domain_user_role /domains/{domain_id}/users/{user_id}/roles/{role_id}
domain_group_roles /domains/{domain_id}/groups/{group_id}/roles
domain_group_role /domains/{domain_id}/groups/{group_id}/roles/{role_id}
ec2tokens /ec2tokens
endpoints /endpoints
endpoint /endpoints/{endpoint_id}
groups /groups
group /groups/{group_id}
group_users /groups/{group_id}/users
group_user /groups/{group_id}/users/{user_id}
limits /limits
limit /limits/{limit_id}
limit_model /limits/model
endpoint_groups /OS-EP-FILTER/endpoint_groups
endpoint_group /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}
endpoint_projects /OS-EP-FILTER/endpoints/{endpoint_id}/projects
project_endpoint /OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}
project_endpoints /OS-EP-FILTER/projects/{project_id}/endpoints
project_endpoint_groups /OS-EP-FILTER/projects/{project_id}/endpoint_groups
endpoints_in_endpoint_group /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/endpoints
projects_associated_with_endpoint_group /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects
endpoint_group_to_project_association \
/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}
domain_group_role_inherited_to_projects \
/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects
domain_group_roles_inherited_to_projects \
/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/inherited_to_projects
domain_user_role_inherited_to_projects \
/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects
domain_user_roles_inherited_to_projects \
/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/inherited_to_projects
project_user_role_inherited_to_projects \
/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects
project_group_role_inherited_to_projects \
/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects
consumers /OS-OAUTH1/consumers
consumer /OS-OAUTH1/consumers/{consumer_id}
token /OS-OAUTH2/token
events /OS-REVOKE/events
policies /policies
policy /policies/{policy_id}
projects /projects
project /projects/{project_id}
project_tags /projects/{project_id}/tags/{value}
project_user_role /projects/{project_id}/users/{user_id}/roles/{role_id}
project_user_roles /projects/{project_id}/users/{user_id}/roles
project_group_role /projects/{project_id}/groups/{group_id}/roles/{role_id}
project_group_roles /projects/{project_id}/groups/{group_id}/roles
regions /regions
region /regions/{region_id}
registered_limits /registered_limits
registered_limit /registered_limits/{registered_limit_id}
role_assignments /role_assignments
role_inferences /role_inferences
roles /roles
role /roles/{role_id}
implied_roles /roles/{prior_role_id}/implies
implied_role /roles/{prior_role_id}/implies/{implied_role_id}
s3tokens /s3tokens
services /services
service /services/{service_id}
system_user_roles /system/users/{user_id}/roles
system_user_role /system/users/{user_id}/roles/{role_id}
system_group_roles /system/groups/{group_id}/roles
system_group_role /system/groups/{group_id}/roles/{role_id}
trusts /OS-TRUST/trusts
trust /OS-TRUST/trusts/{trust_id}
trust_roles /OS-TRUST/trusts/{trust_id}/roles
trust_role /OS-TRUST/trusts/{trust_id}/roles/{role_id}
users /users
user /users/{user_id}
user_change_password /users/{user_id}/password
user_groups /users/{user_id}/groups
user_projects /users/{user_id}/projects
user_credentials /users/{user_id}/credentials/OS-EC2
user_credential /users/{user_id}/credentials/OS-EC2/{credential_id}
application_credentials /users/{user_id}/application_credentials
application_credential /users/{user_id}/application_credentials/{application_credential_id}
access_rules /users/{user_id}/access_rules
access_rule /users/{user_id}/access_rules/{access_rule_id}
"""


def json_home_view(below: str) -> dict[str, Any]:
    """
    The document.  below: what goes before each path, "" at /v3 and "/v3" at the root.
    """
    found: dict[str, Any] = {}
    for line in RESOURCES.strip().splitlines():
        name, path = line.split()
        found[_relation(name, path)] = _resource(name, path, below)
    return {"resources": found}


def _relation(name: str, path: str) -> str:
    in_path = re.search(r"OS-[A-Z0-9-]+", path)
    extension = _ELSEWHERE.get(name) or (in_path and in_path.group())
    return f"{DOCS}/ext/{extension}/1.0/rel/{name}" if extension else f"{DOCS}/rel/{name}"


def _resource(name: str, path: str, below: str) -> dict[str, Any]:
    parts = re.findall(r"{(\w+)}", path)
    told: dict[str, Any] = {"href": below + path}
    if parts:
        told = {
            "href-template": below + path,
            "href-vars": {part: DOCS + _PARAMETERS.get(part, f"/param/{part}") for part in parts},
        }
    return told | ({"hints": {"status": "experimental"}} if name in _EXPERIMENTAL else {})
