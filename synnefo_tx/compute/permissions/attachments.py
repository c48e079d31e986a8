"""
What servers are attached to.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "ips:index": Rule.READER,
    "ips:show": Rule.READER,
    "os-attach-interfaces:list": Rule.READER,
    "os-attach-interfaces:show": Rule.READER,
    "os-attach-interfaces:create": Rule.MEMBER,
    "os-attach-interfaces:delete": Rule.MEMBER,
    "os-volumes-attachments:index": Rule.READER,
    "os-volumes-attachments:show": Rule.READER,
    "os-volumes-attachments:create": Rule.MEMBER,
    "os-volumes-attachments:update": Rule.MEMBER,
    "os-volumes-attachments:delete": Rule.MEMBER,
}
