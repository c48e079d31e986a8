"""
All targets by name: each takes arbitrary bytes, and raises only where a parser has a defect.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz import nbd_targets, stored_targets, transmission_targets, wire_targets

TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (
        wire_targets.frames,
        wire_targets.header,
        wire_targets.introductions,
        wire_targets.json_arguments,
        wire_targets.replies,
        wire_targets.places,
        wire_targets.stranger,
        wire_targets.server,
        wire_targets.client,
        nbd_targets.options,
        nbd_targets.negotiation,
        transmission_targets.block_transmission,
        transmission_targets.nbd_transmission,
        stored_targets.map_record,
        stored_targets.opening,
        stored_targets.journal_records,
        stored_targets.settings,
    )
}
