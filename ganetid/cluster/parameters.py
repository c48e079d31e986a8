"""
Parameters as they count: what was set for an instance, over the cluster's, over the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ganetid.cluster.defaults import BEPARAMS, HVPARAMS, filled
from ganetid.cluster.model import ClusterFacts, Instance


def actual(instance: Instance, facts: ClusterFacts) -> Instance:
    """The instance with all its parameters filled in, as a node takes it."""
    return evolve(
        instance,
        beparams=actual_beparams(instance.beparams, facts),
        hvparams=actual_hvparams(instance, facts),
    )


def actual_beparams(given: Mapping[str, Any], facts: ClusterFacts) -> dict[str, Any]:
    """Backend parameters, all of them."""
    return {**cluster_beparams(facts), **given}


def actual_hvparams(instance: Instance, facts: ClusterFacts) -> dict[str, Any]:
    """Hypervisor parameters, all of them; the operating system's count before the cluster's."""
    by_os = facts.params.get("os_hvp", {}).get(instance.os_type.partition("+")[0], {})
    return {
        **cluster_hvparams(instance.hypervisor, facts),
        **by_os.get(instance.hypervisor, {}),
        **instance.hvparams,
    }


def cluster_beparams(facts: ClusterFacts) -> dict[str, Any]:
    """The cluster's backend parameters."""
    return filled(facts.params.get("beparams", {}).get("default", {}), BEPARAMS)


def cluster_hvparams(hypervisor: str, facts: ClusterFacts) -> dict[str, Any]:
    """The cluster's parameters of a hypervisor."""
    table = HVPARAMS if hypervisor == "kvm" else {}
    return filled(facts.params.get("hvparams", {}).get(hypervisor, {}), table)
