"""
Where ganetid answers otherwise than Ganeti 3.0.2 on purpose, and why.

Patterns of ``method:path``, as compare.py writes them.
"""

from __future__ import annotations

from collections.abc import Mapping

DIFFERENT: Mapping[str, str] = {
    "GetInfo:answer.hvparams.*": "only hypervisors that the node has are told",
    "GetInfo:answer.network_mode": "ours",
    "GetOperatingSystems:answer*": "operating systems here are built in",
}
