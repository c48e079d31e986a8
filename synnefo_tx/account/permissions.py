"""
Who may call what in the account API.  Services call with a token that has the role "service".
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "account:list_quotas": Rule.ANY_TOKEN,
    "account:list_service_quotas": Rule.ADMIN_OR_SERVICE,
    "account:list_service_project_quotas": Rule.ADMIN_OR_SERVICE,
    "account:list_commissions": Rule.ADMIN_OR_SERVICE,
    "account:issue_commission": Rule.ADMIN_OR_SERVICE,
    "account:get_commission": Rule.ADMIN_OR_SERVICE,
    "account:resolve_commission": Rule.ADMIN_OR_SERVICE,
    # What a user may do with a project or membership is in rules/rights.py.
    "account:list_projects": Rule.ANY_TOKEN,
    "account:get_project": Rule.ANY_TOKEN,
    "account:apply_for_project": Rule.ANY_TOKEN,
    "account:modify_project": Rule.ANY_TOKEN,
    "account:act_on_project": Rule.ANY_TOKEN,
    "account:list_memberships": Rule.ANY_TOKEN,
    "account:get_membership": Rule.ANY_TOKEN,
    "account:enter_project": Rule.ANY_TOKEN,
    "account:act_on_membership": Rule.ANY_TOKEN,
    "account:translate_users": Rule.ANY_TOKEN,
    "account:translate_all_users": Rule.ADMIN_OR_SERVICE,
    "account:set_default_project": Rule.ANY_TOKEN,
    "account:send_feedback": Rule.ANY_TOKEN,
    "account:add_log_in": Rule.ANY_TOKEN,
    "account:list_log_ins": Rule.ANY_TOKEN,
    "account:change_log_ins": Rule.ANY_TOKEN,
    "account:change_email": Rule.ANY_TOKEN,
    "account:change_second_factor": Rule.ANY_TOKEN,
    "account:end_second_factor": Rule.ADMIN,
    "account:list_people": Rule.ADMIN,
    "account:get_person": Rule.ADMIN,
    "account:moderate_person": Rule.ADMIN,
    "account:publish_terms": Rule.ADMIN,
}
