"""
config.ini of an export, as Ganeti writes it.
"""

from __future__ import annotations

import configparser
import io

from ganetid.cluster.model import Instance


def export_config(instance: Instance, copied: list[bool], now: float) -> str:
    """The file's text.  instance: with all its parameters.  copied: of each disk."""
    config = configparser.RawConfigParser()
    config["export"] = {
        "version": "0",
        "timestamp": str(int(now)),
        "source": instance.primary_node,
        "os": instance.os_type,
        "compression": "none",
    }
    config["instance"] = {
        "name": instance.name,
        "maxmem": str(instance.beparams["maxmem"]),
        "minmem": str(instance.beparams["minmem"]),
        "vcpus": str(instance.beparams["vcpus"]),
        "disk_template": instance.disk_template,
        "hypervisor": instance.hypervisor,
        "tags": " ".join(instance.tags),
        **_nics(instance),
        **_disks(instance, copied),
    }
    config["hypervisor"] = {name: str(value) for name, value in instance.hvparams.items()}
    config["backend"] = {name: str(value) for name, value in instance.beparams.items()}
    config["os"] = dict(instance.osparams)
    config["os_private"] = {name: str(value) for name, value in instance.osparams_private.items()}
    written = io.StringIO()
    config.write(written)
    return written.getvalue()


def _nics(instance: Instance) -> dict[str, str]:
    facts = {"nic_count": str(len(instance.nics))}
    for index, nic in enumerate(instance.nics):
        facts |= {
            f"nic{index}_mac": nic.mac,
            f"nic{index}_ip": str(nic.ip),
            f"nic{index}_mode": nic.mode,
            f"nic{index}_link": nic.link,
            f"nic{index}_network": str(nic.network),
            f"nic{index}_name": nic.name,
        }
    return facts


def _disks(instance: Instance, copied: list[bool]) -> dict[str, str]:
    facts = {"disk_count": str(sum(copied))}
    for index, disk in enumerate(instance.disks):
        if copied[index]:
            facts |= {
                f"disk{index}_ivname": f"disk/{index}",
                f"disk{index}_dump": image_name(index),
                f"disk{index}_size": str(disk.size_mib),
                f"disk{index}_name": disk.name,
            }
    return facts


def image_name(index: int) -> str:
    """Name of a disk's image in its export."""
    return f"disk{index}.img"
