"""
Pausing and suspending.
"""

from __future__ import annotations

from synnefo_tx.compute.api.action import simple
from synnefo_tx.compute.rows import power

ACTIONS = {
    "pause": simple("pause", "os-pause-server:pause", power.pause),
    "unpause": simple("unpause", "os-pause-server:unpause", power.unpause),
    "suspend": simple("suspend", "os-suspend-server:suspend", power.suspend),
    "resume": simple("resume", "os-suspend-server:resume", power.resume),
}
