"""
Who may call what in the compute API; names are Nova's policies.
"""

from synnefo_tx.identity.permissions import Rule

PREFIX = "os_compute_api:"

PERMISSIONS = {
    f"{PREFIX}{name}": rule
    for name, rule in {
        "extensions": Rule.ANY_TOKEN,
        "os-availability-zone:list": Rule.READER,
        "os-availability-zone:detail": Rule.ADMIN,
        "limits": Rule.READER,
        "os-quota-sets:show": Rule.READER,
        "os-quota-sets:detail": Rule.READER,
        "os-quota-sets:defaults": Rule.READER,
        "os-quota-sets:update": Rule.ADMIN,
        "os-quota-sets:delete": Rule.ADMIN,
        "os-quota-class-sets:show": Rule.ADMIN,
        "os-quota-class-sets:update": Rule.ADMIN,
        "flavors": Rule.READER,
        "os-flavor-manage:create": Rule.ADMIN,
        "os-flavor-manage:delete": Rule.ADMIN,
        "os-flavor-extra-specs:index": Rule.READER,
        "os-keypairs:index": Rule.READER,
        "os-keypairs:show": Rule.READER,
        "os-keypairs:create": Rule.MEMBER,
        "os-keypairs:delete": Rule.MEMBER,
        "servers:index": Rule.READER,
        "servers:detail": Rule.READER,
        "servers:show": Rule.READER,
        "servers:create": Rule.MEMBER,
        "servers:update": Rule.MEMBER,
        "servers:delete": Rule.MEMBER,
        # One route; each action is a member's.
        "servers:action": Rule.MEMBER,
        "os-remote-consoles": Rule.MEMBER,
        "server-metadata:index": Rule.READER,
        "server-metadata:show": Rule.READER,
        "server-metadata:create": Rule.MEMBER,
        "server-metadata:update": Rule.MEMBER,
        "server-metadata:update_all": Rule.MEMBER,
        "server-metadata:delete": Rule.MEMBER,
        "os-server-tags:index": Rule.READER,
        "os-server-tags:show": Rule.READER,
        "os-server-tags:update": Rule.MEMBER,
        "os-server-tags:update_all": Rule.MEMBER,
        "os-server-tags:delete": Rule.MEMBER,
        "os-server-tags:delete_all": Rule.MEMBER,
        "ips:index": Rule.READER,
        "ips:show": Rule.READER,
        "os-attach-interfaces:list": Rule.READER,
        "os-attach-interfaces:show": Rule.READER,
        "os-volumes-attachments:index": Rule.READER,
    }.items()
}
