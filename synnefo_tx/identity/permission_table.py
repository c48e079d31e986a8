"""
Who may call what in the identity API; names are Keystone's policies.

Source: Keystone's keystone/common/policies, release 2026.1.
"""

from __future__ import annotations

from synnefo_tx.identity.permissions import Rule

_EVERYBODY = (
    "get_auth_projects get_auth_domains get_auth_system get_auth_catalog list_regions get_region "
    "get_limit_model list_limits list_registered_limits get_registered_limit "
    "get_security_compliance_domain_config"
)
_SYSTEM_READERS = (
    "list_services get_service list_endpoints get_endpoint list_policies get_policy "
    "list_consumers get_consumer list_endpoint_groups get_endpoint_group "
    "list_endpoints_associated_with_endpoint_group list_projects_associated_with_endpoint_group "
    "get_endpoint_group_in_project list_endpoint_groups_for_project list_projects_for_endpoint "
    "check_endpoint_in_project list_endpoints_for_project list_trusts "
    "get_implied_role list_implied_roles list_role_inference_rules check_implied_role "
    "get_domain_config get_domain_config_default check_system_grant_for_user "
    "list_system_grants_for_user check_system_grant_for_group list_system_grants_for_group "
    "get_domain_role list_domain_roles"
)
_ADMINS = (
    "create_service update_service delete_service create_endpoint update_endpoint delete_endpoint "
    "create_region update_region delete_region create_policy update_policy delete_policy "
    "create_consumer update_consumer delete_consumer create_endpoint_group update_endpoint_group "
    "delete_endpoint_group add_endpoint_group_to_project remove_endpoint_group_from_project "
    "add_endpoint_to_project remove_endpoint_from_project create_domain update_domain "
    "delete_domain create_role update_role delete_role create_domain_role update_domain_role "
    "delete_domain_role create_implied_role delete_implied_role create_system_grant_for_user "
    "revoke_system_grant_for_user create_system_grant_for_group revoke_system_grant_for_group "
    "create_domain_config update_domain_config delete_domain_config create_registered_limits "
    "update_registered_limit delete_registered_limit create_limits update_limit delete_limit "
    "list_revoke_events list_audit_events"
)
_DOMAIN_READERS = (
    "list_users list_groups get_group list_users_in_group check_user_in_group list_projects "
    "check_grant list_grants list_role_assignments list_role_assignments_for_tree list_domains"
)
_DOMAIN_MANAGERS = (
    "create_user update_user delete_user create_group update_group delete_group "
    "add_user_to_group remove_user_from_group create_project update_project delete_project "
    "create_grant revoke_grant update_project_tags create_project_tag delete_project_tags "
    "delete_project_tag"
)
_READERS_AND_OWNERS = (
    "list_application_credentials get_application_credential list_access_rules get_access_rule "
    "list_credentials get_credential ec2_list_credentials ec2_get_credential get_trust "
    "list_trusts_for_trustor list_trusts_for_trustee list_roles_for_trust get_role_for_trust "
    "check_token"
)
_ADMINS_AND_OWNERS = (
    "delete_application_credential delete_access_rule create_credential update_credential "
    "delete_credential ec2_create_credential ec2_delete_credential delete_trust revoke_token"
)

PERMISSIONS: dict[str, Rule] = {
    f"identity:{name}": rule
    for names, rule in (
        (_EVERYBODY, Rule.ANY_TOKEN),
        (_SYSTEM_READERS, Rule.SYSTEM_READER),
        (_ADMINS, Rule.ADMIN),
        (_DOMAIN_READERS, Rule.DOMAIN_READER),
        (_DOMAIN_MANAGERS, Rule.DOMAIN_MANAGER),
        (_READERS_AND_OWNERS, Rule.SYSTEM_READER_OR_OWNER),
        (_ADMINS_AND_OWNERS, Rule.ADMIN_OR_OWNER),
        ("create_application_credential create_trust", Rule.OWNER),
        ("ec2tokens_validate s3tokens_validate", Rule.ADMIN_OR_SERVICE),
        ("validate_token", Rule.SERVICE_READER_OR_OWNER),
        ("get_user list_user_projects list_groups_for_user", Rule.DOMAIN_READER_OR_OWNER),
        ("get_project list_project_tags get_project_tag get_limit", Rule.DOMAIN_READER_OR_PROJECT),
        ("get_domain", Rule.WITHIN_DOMAIN),
        ("list_roles get_role", Rule.ROLE_READER),
    )
    for name in names.split()
}
