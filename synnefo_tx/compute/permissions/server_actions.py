"""
What servers are asked to do, and what was done to them.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "servers:start": Rule.MEMBER,
    "servers:stop": Rule.MEMBER,
    "servers:reboot": Rule.MEMBER,
    "os-server-diagnostics": Rule.ADMIN,
    "servers:trigger_crash_dump": Rule.MEMBER,
    "os-admin-password": Rule.MEMBER,
    "os-deferred-delete:force": Rule.MEMBER,
    "os-deferred-delete:restore": Rule.MEMBER,
    "servers:resize": Rule.MEMBER,
    "servers:confirm_resize": Rule.MEMBER,
    "servers:revert_resize": Rule.MEMBER,
    "os-pause-server:pause": Rule.MEMBER,
    "os-pause-server:unpause": Rule.MEMBER,
    "os-suspend-server:suspend": Rule.MEMBER,
    "os-suspend-server:resume": Rule.MEMBER,
    "servers:rebuild": Rule.MEMBER,
    "servers:create_image": Rule.MEMBER,
    "os-create-backup": Rule.MEMBER,
    "os-shelve:shelve": Rule.MEMBER,
    "os-shelve:unshelve": Rule.MEMBER,
    "os-shelve:shelve_offload": Rule.ADMIN,
    "os-rescue": Rule.MEMBER,
    "os-unrescue": Rule.MEMBER,
    "os-console-output": Rule.MEMBER,
    "os-lock-server:lock": Rule.MEMBER,
    "os-lock-server:unlock": Rule.MEMBER,
    "os-admin-actions:reset_state": Rule.ADMIN,
    "os-admin-actions:inject_network_info": Rule.ADMIN,
    "os-server-external-events:create": Rule.ADMIN_OR_SERVICE,
    "os-server-password:show": Rule.READER,
    "os-server-password:clear": Rule.MEMBER,
    "os-instance-actions:list": Rule.READER,
    "os-instance-actions:show": Rule.READER,
}
