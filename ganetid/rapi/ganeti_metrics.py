"""
/metrics in the words of Ganeti's own exporter, so that its dashboards work.

Source: prometheus-ganeti-exporter 1.1.0.  It has series of each job too, ganeti_job_wait_time and
ganeti_job_run_time, which grow without end; here these are histograms of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen
from twisted.internet.threads import deferToThread

from ganetid.cluster.model import ClusterFacts, Instance
from ganetid.cluster.parameters import actual_beparams
from ganetid.jobs.model import STATUSES
from ganetid.jobs.stored import Page
from ganetid.rapi.api import Api
from ganetid.rapi.life import is_on, lives
from ganetid.rapi.metrics import Labels, gauge
from ganetid.rapi.nodes import shown

OF_NODES = {
    "ctotal": "Processors.",
    "dfree": "Free disk, MiB.",
    "dtotal": "Disk, MiB.",
    "mfree": "Free memory, MiB.",
    "mtotal": "Memory, MiB.",
    "pinst_cnt": "Instances whose primary node it is.",
    "sinst_cnt": "Instances whose secondary node it is.",
}


@frozen
class Guest:
    """An instance, and whether it runs."""

    instance: Instance
    runs: bool


async def ganeti_lines(api: Api) -> list[str]:
    """Samples named ganeti_*."""
    cluster = api.cluster
    members = sorted(cluster.members.values(), key=lambda each: each.name)
    nodes = [await shown(api, each) for each in members]
    known = lives(cluster, api.nodes)
    guests = [
        Guest(each, is_on(known.of(each)) is True)
        for each in (cluster.instances[name] for name in cluster.instance_names)
    ]
    jobs = {
        status: len(await api.queue.list.ids(Page(0, None, (status,))))
        for status in sorted(STATUSES)
    }
    name, facts = cluster.cluster_name, cluster.facts
    return await deferToThread(lambda: list(_lines(name, facts, nodes, guests, jobs)))


def _lines(
    cluster: str,
    facts: ClusterFacts,
    nodes: list[dict[str, Any]],
    guests: list[Guest],
    jobs: Mapping[str, int],
) -> Iterator[str]:
    whole: Labels = (("cluster", cluster),)
    for name, text in OF_NODES.items():
        samples: dict[Labels, float] = {
            (*whole, ("node", node["name"])): node[name]
            for node in nodes
            if node[name] is not None
        }  # fmt: skip
        yield from gauge(f"ganeti_node_{name}", text, samples)
    yield from _of_guests(whole, facts, nodes, guests)
    counts = {
        "instance_count": ("Instances.", len(guests)),
        "node_count": ("Nodes.", len(nodes)),
        "offline_nodes": ("Nodes marked offline.", sum(bool(node["offline"]) for node in nodes)),
    }
    for name, (text, count) in counts.items():
        yield from gauge(f"ganeti_cluster_{name}", text, {whole: count})
    yield from gauge(
        "ganeti_cluster_jobs",
        "Jobs that are not archived, by status.",
        {(*whole, ("job_status", status)): count for status, count in jobs.items()},
    )


def _of_guests(
    whole: Labels, facts: ClusterFacts, nodes: list[dict[str, Any]], guests: list[Guest]
) -> Iterator[str]:
    vcpus: dict[Labels, float] = {}
    memory: dict[Labels, float] = {}
    on_nodes: dict[Labels, float] = {(*whole, ("node", node["name"])): 0 for node in nodes}
    for guest in guests:
        labels = (*whole, ("instance", guest.instance.name))
        if not guest.runs:
            vcpus[labels] = memory[labels] = 0
            continue
        beparams = actual_beparams(guest.instance.beparams, facts)
        vcpus[labels], memory[labels] = beparams["vcpus"], beparams["maxmem"]
        on_nodes[(*whole, ("node", guest.instance.primary_node))] += beparams["vcpus"]
    yield from gauge("ganeti_instance_oper_vcpus", "Processors of a running guest.", vcpus)
    yield from gauge("ganeti_instance_oper_ram", "Memory of a running guest, MiB.", memory)
    yield from gauge("ganeti_node_p_oper_vcpus", "Processors of its running guests.", on_nodes)
    yield from gauge("ganeti_node_s_oper_vcpus", "Processors of guests that it is secondary of.",
                     dict.fromkeys(on_nodes, 0))  # fmt: skip
