"""
Volumes, snapshots, attachments, transfers and types.
"""

from synnefo_tx.identity.permissions import Rule

_READ = (
    "volume:action",  # each has a policy of its own
    "volume:snapshot_action",
    "volume:extensions",
    "volume:get",
    "volume:get_all",
    "volume:get_volume_metadata",
    "volume:get_snapshot",
    "volume:get_all_snapshots",
    "volume:get_snapshot_metadata",
    "volume:get_transfer",
    "volume:get_all_transfers",
    "volume:attachment_get",
    "volume_extension:type_get",
    "volume_extension:type_get_all",
    "volume:availability_zone_list",
    "volume_extension:volume_image_metadata:show",
)
_CHANGE = (
    "volume:create",
    "volume:update",
    "volume:delete",
    "volume:extend",
    "volume:update_readonly_flag",
    "volume:revert_to_snapshot",
    "volume:create_volume_metadata",
    "volume:update_volume_metadata",
    "volume:delete_volume_metadata",
    "volume:create_snapshot",
    "volume:update_snapshot",
    "volume:delete_snapshot",
    "volume_extension:snapshot_actions:update_snapshot_status",
    "volume:update_snapshot_metadata",
    "volume:delete_snapshot_metadata",
    "volume:create_transfer",
    "volume:accept_transfer",
    "volume:delete_transfer",
    "volume:attachment_create",
    "volume:attachment_update",
    "volume:attachment_complete",
    "volume:attachment_delete",
    "volume_extension:volume_image_metadata:set",
    "volume_extension:volume_image_metadata:remove",
    *(
        f"volume_extension:volume_actions:{name}"
        for name in (
            *("attach", "detach", "reserve", "unreserve", "begin_detaching", "roll_detaching"),
            *("initialize_connection", "terminate_connection", "set_bootable"),
        )
    ),
)
_ADMIN = (
    "volume_extension:volume_admin_actions:reset_status",
    "volume_extension:volume_admin_actions:force_delete",
    "volume_extension:volume_admin_actions:force_detach",
    "volume_extension:snapshot_admin_actions:reset_status",
    "volume_extension:snapshot_admin_actions:force_delete",
)
PERMISSIONS = {
    **dict.fromkeys(_READ, Rule.READER),
    **dict.fromkeys(_CHANGE, Rule.MEMBER),
    **dict.fromkeys(_ADMIN, Rule.ADMIN),
}
