"""
Images, their bytes, tags and members.
"""

from synnefo_tx.identity.permissions import Rule

PERMISSIONS = {
    "get_schemas": Rule.ANY_TOKEN,
    "get_discovery": Rule.ANY_TOKEN,
    "get_image": Rule.READER,
    "get_images": Rule.READER,
    "add_image": Rule.MEMBER,
    "modify_image": Rule.MEMBER,
    "delete_image": Rule.MEMBER,
    "upload_image": Rule.MEMBER,
    "download_image": Rule.READER,
    "deactivate": Rule.MEMBER,
    "reactivate": Rule.MEMBER,
    "get_members": Rule.READER,
    "get_member": Rule.READER,
    "add_member": Rule.MEMBER,
    "modify_member": Rule.MEMBER,
    "delete_member": Rule.MEMBER,
}
