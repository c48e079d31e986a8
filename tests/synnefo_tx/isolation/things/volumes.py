"""
Volumes and their quotas.
"""

from __future__ import annotations

from tests.synnefo_tx.compute.cloud import ALICE, Cloud, project_of

ROOT = "/volume/v3"
OWN = f"{ROOT}/<own_project>"
BODIES = {f"PUT {ROOT}/os-quota-sets/<project_id>": {"quota_set": {"volumes": 1}}}


def made(_: Cloud) -> dict[str, str]:
    """
    Her project, where paths name it.
    """
    mine = project_of(ALICE)
    return {
        OWN: mine,
        f"{OWN}/os-quota-sets/<project_id>": mine,
        f"{ROOT}/os-quota-sets/<project_id>": mine,
    }
