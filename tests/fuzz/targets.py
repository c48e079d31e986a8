"""
All targets by name: each takes arbitrary bytes, and raises only where a parser has a defect.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz import (
    conversation_targets,
    loop_targets,
    nbd_client_targets,
    nbd_targets,
    settings_targets,
    stored_targets,
    transmission_targets,
    volume_targets,
    wire_targets,
)

TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (
        wire_targets.frames,
        wire_targets.header,
        wire_targets.introductions,
        wire_targets.json_arguments,
        wire_targets.replies,
        wire_targets.places,
        conversation_targets.stranger,
        conversation_targets.server,
        conversation_targets.client,
        conversation_targets.blocking_client,
        nbd_targets.options,
        nbd_targets.negotiation,
        nbd_client_targets.nbd_client,
        transmission_targets.block_transmission,
        transmission_targets.nbd_transmission,
        loop_targets.loop_in_c,
        stored_targets.map_record,
        volume_targets.opening,
        stored_targets.journal_records,
        settings_targets.settings,
    )
}
