"""
What servers are asked to do, and what was done to them.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "servers:start": Rule.MEMBER,
    "servers:stop": Rule.MEMBER,
    "servers:reboot": Rule.MEMBER,
    "os-console-output": Rule.MEMBER,
    "os-lock-server:lock": Rule.MEMBER,
    "os-lock-server:unlock": Rule.MEMBER,
    "os-admin-actions:reset_state": Rule.ADMIN,
    "os-server-external-events:create": Rule.ADMIN_OR_SERVICE,
    "os-server-password:show": Rule.READER,
    "os-server-password:clear": Rule.MEMBER,
    "os-instance-actions:list": Rule.READER,
    "os-instance-actions:show": Rule.READER,
}
