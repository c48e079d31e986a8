"""
OP_INSTANCE_CREATE with mode import: what the request leaves open is as in the export.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from attrs import frozen
from zope.interface import Interface, implementer

from ganetid.cluster.model import Instance
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Input
from ganetid.opcodes.errors import WRONG_INPUT, OpcodeError, OpPrereqError

VERSION = "0"
BACKEND = ("minmem", "maxmem", "vcpus", "auto_balance", "always_failover", "spindle_use")


class ISource(Interface):
    """Where the content of a new instance's disks comes from."""

    async def restore(context: Context, instance: Instance) -> None:
        """Write it to the disks, which were just made.  Raises OpcodeError."""


@implementer(ISource)
@frozen
class Export:
    """
    An export on a node of this cluster.  name: of the instance that it is of.

    images: names of files, by the disk's index; None for a disk that was not exported.
    """

    name: str
    images: tuple[str | None, ...]

    async def restore(self, context: Context, instance: Instance) -> None:
        """See ISource."""
        node = context.node_of(instance)
        for index, image in enumerate(self.images):
            if image is not None:
                context.log(f"* importing disk/{index}")
                await node.import_disk(instance, instance.disks[index], self.name, image)


async def source_of(context: Context, given: Input) -> tuple[dict[str, Any], Export]:
    """(the request with all that it left open, the export).  Raises OpPrereqError."""
    name = PurePosixPath(given["src_path"] or given["instance_name"]).name
    node, text = await _found(context, name, given["src_node"])
    config = configparser.RawConfigParser()
    try:
        config.read_string(text)
        version = config.get("export", "version")
        facts = dict(config["instance"])
        images, filled = _filled(given, config, facts)
    except (configparser.Error, KeyError, ValueError) as error:
        raise OpPrereqError(f"Invalid export of {name}: {error}", WRONG_INPUT) from None
    if version != VERSION:
        raise OpPrereqError(
            f"Wrong export version {version} (wanted {VERSION})", "environment_error"
        )
    if given["pnode"] not in {None, node}:
        raise OpPrereqError(f"The export of {name} lies on node {node}", WRONG_INPUT)
    return {**filled, "pnode": node}, Export(facts["name"], images)


async def _found(context: Context, name: str, node: str | None) -> tuple[str, str]:
    """(node, config.ini) of an export."""
    names = [node] if node else [each.name for each in context.nodes]
    for each in names:
        try:
            text = await context.nodes.named(each).read_export(name)
        except OpcodeError:
            if node:
                raise
            continue
        if text is not None:
            return each, text
    raise OpPrereqError(f"No export found for relative path {name}", WRONG_INPUT)


def _filled(
    given: Input, config: configparser.RawConfigParser, facts: Mapping[str, str]
) -> tuple[tuple[str | None, ...], dict[str, Any]]:
    """(images, the request with what it left open)."""
    count = int(facts["disk_count"])
    sizes = [
        {"size": int(facts[f"disk{index}_size"])}
        for index in range(count)
        if f"disk{index}_size" in facts
    ]
    disks = given["disks"] or sizes
    images = tuple(facts.get(f"disk{index}_dump") for index in range(len(disks)))
    backend = {name: config["backend"][name] for name in BACKEND if name in config["backend"]}
    spelt = dict(given["beparams"])
    if "memory" in spelt:
        spelt["minmem"] = spelt["maxmem"] = spelt.pop("memory")
    filled = {
        **given,
        "disks": disks,
        "nics": given["nics"] or _nics(facts, given["instance_name"] == facts["name"]),
        "beparams": {**backend, **spelt},
        "osparams": {**dict(config["os"]), **given["osparams"]},
        "osparams_private": {**_section(config, "os_private"), **(given["osparams_private"] or {})},
        "os_type": given["os_type"] or config.get("export", "os"),
        "disk_template": given["disk_template"] or facts["disk_template"],
        "tags": given["tags"] or facts.get("tags", "").split(),
    }
    return images, filled


def _section(config: configparser.RawConfigParser, name: str) -> dict[str, str]:
    """Empty where there is none, as in exports of older versions."""
    return dict(config[name]) if config.has_section(name) else {}


def _nics(facts: Mapping[str, str], is_same: bool) -> list[dict[str, str]]:
    """
    NICs as they were; an instance of another name gets addresses of its own.
    """
    nics = []
    for index in range(int(facts.get("nic_count", "0"))):
        known = {
            name: facts[f"nic{index}_{name}"]
            for name in ("mac", "ip", "mode", "link", "network")
            if facts.get(f"nic{index}_{name}", "None") != "None"
        }
        if "network" in known:
            known.pop("mode", None)
            known.pop("link", None)
        if not is_same:
            known.pop("mac", None)
            if known.pop("ip", None) and "network" in known:
                known["ip"] = "pool"
        nics.append(known)
    return nics
