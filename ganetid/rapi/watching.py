"""
/metrics and /openapi.json: for programs that watch the cluster or are made from its description.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ganetid.rapi.answers import Document
from ganetid.rapi.api import OPEN, Api, Verb
from ganetid.rapi.arguments import Call
from ganetid.rapi.ganeti_metrics import ganeti_lines
from ganetid.rapi.life import lives, status_of
from ganetid.rapi.metrics import CONTENT_TYPE, gauge, text


async def _metrics(api: Api, call: Call) -> Any:
    lines = [*_cluster_lines(api), *api.meter.lines(), *await ganeti_lines(api)]
    return Document(text(lines), CONTENT_TYPE)


def _cluster_lines(api: Api) -> Iterator[str]:
    cluster, nodes = api.cluster, api.nodes
    known = lives(cluster, nodes)
    statuses = Counter(status_of(each, known.of(each)) for each in cluster.instances.values())
    yield from gauge(
        "ganetid_instances",
        "Instances, by Ganeti's status.",
        {(("status", status),): count for status, count in sorted(statuses.items())},
    )
    reachable = {node.name for node in nodes if node.is_reachable}
    yield from gauge(
        "ganetid_node_reachable",
        "Whether a node answered last time.",
        {(("node", name),): int(name in reachable) for name in sorted(cluster.members)},
    )
    yield from gauge(
        "ganetid_node_instances",
        "Instances whose primary node it is.",
        {(("node", name),): len(cluster.on_node(name)) for name in sorted(cluster.members)},
    )
    yield from gauge("ganetid_networks", "Networks.", {(): len(cluster.networks)})
    yield from gauge("ganetid_debris", "Volumes that are left to be removed.",
                     {(): len(cluster.debris)})  # fmt: skip


RESOURCES: Mapping[str, Mapping[str, Verb]] = {"/metrics": {"GET": Verb(_metrics, OPEN)}}
