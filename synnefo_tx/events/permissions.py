"""
Who may follow what happens.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "events:follow": Rule.READER,
    "events:list_webhooks": Rule.READER,
    "events:get_webhook": Rule.READER,
    "events:create_webhook": Rule.MEMBER,
    "events:delete_webhook": Rule.MEMBER,
}
