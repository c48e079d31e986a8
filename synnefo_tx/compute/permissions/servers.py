"""
Servers, their data and what they are asked to do.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "servers:index": Rule.READER,
    "servers:detail": Rule.READER,
    "servers:show": Rule.READER,
    "servers:create": Rule.MEMBER,
    "servers:update": Rule.MEMBER,
    "servers:delete": Rule.MEMBER,
    # The route of all actions; each has a policy of its own besides.
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
}
