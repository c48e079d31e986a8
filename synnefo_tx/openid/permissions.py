"""
Who may do what at the provider's own calls.
"""

from __future__ import annotations

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "openid:list_clients": Rule.ADMIN,
    "openid:get_client": Rule.ADMIN,
    "openid:create_client": Rule.ADMIN,
    "openid:update_client": Rule.ADMIN,
    "openid:renew_client_secret": Rule.ADMIN,
    "openid:delete_client": Rule.ADMIN,
    "openid:list_own_consents": Rule.ANY_TOKEN,
    "openid:delete_own_consent": Rule.ANY_TOKEN,
}
