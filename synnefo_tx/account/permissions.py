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
}
