"""
News in Synnefo's wording: what has become of an opcode, as a routing key and a JSON body.

Source: Synnefo's snf-ganeti-eventd.  Beyond it are `effect` (the wish that the job is, in its
client's words), `job_status` (of all its opcodes), `pnode` (the instance's node), and the news of
security groups and routers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from attrs import frozen

from ganetid.cluster.defaults import HVPARAMS, filled
from ganetid.cluster.model import Instance
from ganetid.jobs.journal import Message
from ganetid.jobs.model import ERROR, FINAL, SUCCESS, WAITING, Job, Op, Stamp, pair
from ganetid.opcodes.definition import INSTANCE, NETWORK, ROUTER, SECURITY_GROUP, Opcode

WITH_HARDWARE = frozenset({"OP_INSTANCE_CREATE", "OP_INSTANCE_STARTUP"})
CHANGES_HARDWARE = frozenset({"OP_INSTANCE_SET_PARAMS", "OP_INSTANCE_GROW_DISK"})  # or tries to
WITH_FIELDS = frozenset({"OP_INSTANCE_CREATE", "OP_INSTANCE_SET_PARAMS"})
CLUSTER = "OP_CLUSTER_SET_PARAMS"
INSTANCE_FIELDS = ("nics", "disks", "hvparams", "beparams")
NETWORK_FIELDS = {
    "subnet": "network",
    "gateway": "gateway",
    "add_reserved_ips": "add_reserved_ips",
    "remove_reserved_ips": "remove_reserved_ips",
    "group_name": "group_name",
}
BEYOND_GANETI = {SECURITY_GROUP: "ganeti-security-group-status", ROUTER: "ganeti-router-status"}
TAGGED = frozenset({"OP_TAGS_SET", "OP_TAGS_DEL"})
HEARTBEAT_TAG = ":eventd:heartbeat:"


@frozen
class Newsroom:
    """
    Whose news these are.

    named: the cluster's name now.  prefix: that its clients know their objects by.
    is_strict: nothing is told that snf-ganeti-eventd does not tell.
    """

    named: Callable[[], str]
    prefix: str
    is_strict: bool = False

    def of_op(
        self, job: Job, index: int, opcode: Opcode, at: Stamp, instance: Instance | None
    ) -> Message | None:
        """The news of opcode number `index`; None when nobody is told of it."""
        op = job.ops[index]
        if op.op_id in TAGGED:
            return self._of_tags(job, op, at, instance)
        if op.op_id == CLUSTER:
            body = {**self._common(job, op, at), "type": "ganeti-cluster-status"}
            return Message("ganeti.event.cluster", msgspec.json.encode(body))
        if opcode.subject is None:
            return None
        kind, field = opcode.subject
        name = str(op.input[field])
        body = self._common(job, op, at)
        if kind == INSTANCE:
            body |= {"type": "ganeti-op-status", "instance": name}
            body |= _instance_part(op, instance)
            body |= self._beyond(pnode=instance.primary_node if instance else None)
            return self._message(name, "op", body)
        if kind == NETWORK:
            body |= {"type": "ganeti-network-status", "network": name}
            body["job_fields"] = {
                shown: op.input.get(stored) for shown, stored in NETWORK_FIELDS.items()
            }
            return self._message(name, "network", body)
        if kind in BEYOND_GANETI:
            body |= {"type": BEYOND_GANETI[kind], kind: name}
            return self._message(name, "network", body)
        raise ValueError(f"no news are known of a {kind}")

    def of_progress(self, body: Mapping[str, Any]) -> Message:
        """How far the making of an instance is, in the words of Synnefo's progress monitor."""
        return self._message(str(body["instance"]), "progress", {**body, "cluster": self.named()})

    def of_guest_end(self, instance: Instance, reason: str, at: Stamp) -> Message:
        """The guest went off by itself or died: news as of a shutdown that nobody asked for."""
        return self._message(
            instance.name,
            "op",
            {
                "event_time": pair(at),
                "operation": "OP_INSTANCE_SHUTDOWN",
                "status": SUCCESS,
                "cluster": self.named(),
                "logmsg": reason,
                "result": None,
                "jobId": 0,
                "source": "watcher",
                "type": "ganeti-op-status",
                "instance": instance.name,
                "tags": list(instance.tags),
            },
        )

    def _common(self, job: Job, op: Op, at: Stamp) -> dict[str, Any]:
        return {
            "event_time": pair(at),
            "operation": op.op_id,
            "status": op.status,
            "cluster": self.named(),
            "logmsg": op.log[-1].text if op.log else None,
            "result": op.result,
            "jobId": job.id,
            **self._beyond(job_status=job.status, effect=job.wish),
        }

    def _beyond(self, **told: str | None) -> dict[str, str]:
        """What eventd has not, of what is known."""
        return {} if self.is_strict else {key: word for key, word in told.items() if word}

    def _of_tags(self, job: Job, op: Op, at: Stamp, instance: Instance | None) -> Message | None:
        tags = op.input["tags"]
        common = self._common(job, op, at)
        if op.input["kind"] == "instance":
            if op.status not in {SUCCESS, ERROR}:
                return None
            name = str(op.input["name"])
            dry_run = {"dry_run": op.input["dry_run"]}
            shown = list(instance.tags) if instance else []
            body = {
                **common,
                "type": "ganeti-op-status",
                "instance": name,
                "job_fields": dry_run,
                "tags": shown,
            }
            return self._message(name, "op", body)
        is_beat = op.op_id == "OP_TAGS_SET" and op.status == WAITING and op.input["dry_run"]
        if is_beat and any(HEARTBEAT_TAG in tag for tag in tags):
            body = {**common, "type": "eventd-heartbeat"}
            return Message("eventd.heartbeat", msgspec.json.encode(body))
        return None

    def _message(self, name: str, topic: str, body: Mapping[str, Any]) -> Message:
        prefix = name.partition("-")[0] or self.prefix
        if name.startswith(f"{self.prefix}-"):
            prefix = self.prefix
        return Message(f"ganeti.{prefix}.event.{topic}", msgspec.json.encode(body))


def _instance_part(op: Op, instance: Instance | None) -> dict[str, Any]:
    part: dict[str, Any] = {"tags": list(instance.tags) if instance else op.input.get("tags", [])}
    if op.op_id in WITH_FIELDS:
        part["job_fields"] = {name: op.input[name] for name in INSTANCE_FIELDS}
    if op.op_id == "OP_INSTANCE_CREATE" and op.status == ERROR:
        part["job_fields"] = dict(op.input)
    if op.op_id == "OP_INSTANCE_SNAPSHOT":
        part["job_fields"] = {"disks": op.input["disks"]}
    if instance is not None and _tells_hardware(op):
        part |= hardware(instance)
    return part


def _tells_hardware(op: Op) -> bool:
    if op.op_id in CHANGES_HARDWARE:
        return op.status in FINAL
    return op.op_id in WITH_HARDWARE and op.status == SUCCESS


def hardware(instance: Instance) -> dict[str, Any]:
    """The instance's NICs, disks and boot parameters, as its news tell them."""
    hvparams = filled(instance.hvparams, HVPARAMS)
    return {
        "instance_nics": [
            {
                "name": nic.name,
                "network": nic.network,
                "ip": nic.ip,
                "mac": nic.mac,
                "mode": nic.mode,
                "link": nic.link,
                "uuid": nic.uuid,
                "firewall": firewall_profile(instance, nic.name),
            }
            for nic in instance.nics
        ],
        "instance_disks": [
            {"name": disk.name, "size": disk.size_mib, "uuid": disk.uuid} for disk in instance.disks
        ],
        "instance_hvparams": {
            "boot_order": hvparams["boot_order"],
            "cdrom_image_path": hvparams["cdrom_image_path"],
        },
    }


def firewall_profile(instance: Instance, nic: str) -> str:
    """A NIC's firewall profile by the instance's tags; absence means DISABLED."""
    for word, profile in (("protected", "ENABLED"), ("limited", "PROTECTED")):
        if f"synnefo:network:{nic}:{word}" in instance.tags:
            return profile
    return "DISABLED"
