"""
A cluster that is played: it takes wishes as RAPI does, runs its jobs when told to, and tells of
them in the bus's bytes.
"""

from __future__ import annotations

import json
import re
from typing import Any

from attrs import define, field, frozen
from zope.interface import implementer

from synnefo_tx.cluster.interface import ClusterAway, ClusterRefused, ICluster
from synnefo_tx.daemon.bus.interface import Delivery
from tests.synnefo_tx.playing_jobs import ACTS, Held, JobFailed

_I, _N = r"/2/instances/([^/]+)", r"/2/networks/([^/]+)"
_ROUTES = tuple(
    (method, re.compile(f"{path}$"), opcodes)
    for method, path, opcodes in (
        ("POST", r"/2/instances()", ("OP_INSTANCE_CREATE",)),
        ("DELETE", _I, ("OP_INSTANCE_REMOVE",)),
        ("PUT", f"{_I}/startup", ("OP_INSTANCE_STARTUP",)),
        ("PUT", f"{_I}/shutdown", ("OP_INSTANCE_SHUTDOWN",)),
        ("POST", f"{_I}/reboot", ("OP_INSTANCE_REBOOT",)),
        ("PUT", f"{_I}/pause", ("OP_INSTANCE_PAUSE",)),
        ("PUT", f"{_I}/unpause", ("OP_INSTANCE_UNPAUSE",)),
        ("PUT", f"{_I}/suspend", ("OP_INSTANCE_SUSPEND",)),
        ("PUT", f"{_I}/resume", ("OP_INSTANCE_RESUME",)),
        ("PUT", f"{_I}/modify", ("OP_INSTANCE_SET_PARAMS",)),
        ("POST", f"{_I}/disk/([0-9]+)/grow", ("OP_INSTANCE_GROW_DISK",)),
        ("PUT", f"{_I}/nics/([^/]+)/port", ("OP_INSTANCE_SET_NIC_PORT",)),
        ("POST", f"{_I}/snapshot", ("OP_INSTANCE_SNAPSHOT",)),
        (
            "POST",
            f"{_I}/reinstall",
            ("OP_INSTANCE_SHUTDOWN", "OP_INSTANCE_REINSTALL", "OP_INSTANCE_STARTUP"),
        ),
        ("PUT", f"{_I}/migrate", ("OP_INSTANCE_MIGRATE",)),
        ("PUT", f"{_I}/failover", ("OP_INSTANCE_FAILOVER",)),
        ("POST", r"/2/networks()", ("OP_NETWORK_ADD",)),
        ("DELETE", _N, ("OP_NETWORK_REMOVE",)),
        ("PUT", f"{_N}/modify", ("OP_NETWORK_SET_PARAMS",)),
        ("PUT", f"{_N}/options", ("OP_NETWORK_SET_OPTIONS",)),
        ("PUT", f"{_N}/connect", ("OP_NETWORK_CONNECT",)),
        ("PUT", f"{_N}/disconnect", ("OP_NETWORK_DISCONNECT",)),
        ("POST", r"/2/security-groups()", ("OP_SECURITY_GROUP_ADD",)),
        ("PUT", r"/2/security-groups/([^/]+)/modify", ("OP_SECURITY_GROUP_SET_PARAMS",)),
        ("DELETE", r"/2/security-groups/([^/]+)", ("OP_SECURITY_GROUP_REMOVE",)),
        ("POST", r"/2/routers()", ("OP_ROUTER_ADD",)),
        ("PUT", r"/2/routers/([^/]+)", ("OP_ROUTER_SET_PARAMS",)),
        ("DELETE", r"/2/routers/([^/]+)", ("OP_ROUTER_REMOVE",)),
    )
)
_SUBJECTS = {
    "OP_INSTANCE": ("ganeti-op-status", "instance", "op", "instance_name"),
    "OP_NETWORK": ("ganeti-network-status", "network", "network", "network_name"),
    "OP_SECURITY": ("ganeti-security-group-status", "security_group", "network", "name"),
    "OP_ROUTER": ("ganeti-router-status", "router", "network", "name"),
}


@frozen
class Job:
    """
    A job as it was asked for; opcodes run one after the other.
    """

    id: int
    effect_id: str
    method: str
    path: str
    opcodes: tuple[str, ...]
    name: str
    body: dict[str, Any]


@implementer(ICluster)
@define(eq=False)
class PlayingCluster:
    """
    away: it does not answer.  refusals: part of a path -> the words with which it is refused, once.
    failures: opcode -> the words with which its next job fails.  asked: every job, oldest first.
    ended: job's id -> the job as RAPI shows it.
    """

    name: str = "one"
    away: bool = False
    refusals: dict[str, str] = field(factory=dict)
    failures: dict[str, str] = field(factory=dict)
    held: Held = field(factory=Held)
    asked: list[Job] = field(factory=list)
    groups: list[str] = field(factory=lambda: ["default"])
    ended: dict[str, dict[str, Any]] = field(factory=dict)
    tells_effects: bool = True
    _ran: int = 0
    _told_us: int = 0

    async def submit(
        self, effect_id: str, method: str, path: str, query: dict[str, str], body: Any
    ) -> int:
        if self.away:
            raise ClusterAway("away")
        for job in self.asked:
            if job.effect_id == effect_id:
                return job.id
        for part in self.refusals:
            if part in path:
                raise ClusterRefused(400, self.refusals.pop(part))
        job = self._job(effect_id, method, path, {**(body or {}), **query})
        self.asked.append(job)
        return job.id

    def _job(self, effect_id: str, method: str, path: str, body: dict[str, Any]) -> Job:
        for verb, pattern, opcodes in _ROUTES:
            found = pattern.match(path) if verb == method else None
            if found is None:
                continue
            if len(found.groups()) > 1:
                body = {**body, "_item": found[2]}
            if path.endswith("/reinstall") and not body.get("start", True):
                opcodes = opcodes[:-1]
            name = found[1] or body[_subject(opcodes[0])[3]]
            return Job(len(self.asked) + 1, effect_id, method, path, opcodes, name, body)
        raise ClusterRefused(404, f"Nothing matches {method} {path}")

    async def console_log(self, instance: str, lines: int | None) -> str:
        return "\n".join(f"console of {instance}".split("\n")[-(lines or 0) :])

    async def get(self, path: str, query: dict[str, str]) -> Any:
        if self.away:
            raise ClusterAway("away")
        held = self.held
        parts = path.split("/")[2:]
        if parts[0] == "jobs" and parts[1] in self.ended:
            return self.ended[parts[1]]
        kinds: dict[str, dict[str, Any]] = {
            "instances": held.instances,
            "networks": held.networks,
            "security-groups": held.security_groups,
            "routers": held.routers,
            "groups": {name: {"name": name} for name in self.groups},
        }
        if parts[0] not in kinds or (len(parts) == 2 and parts[1] not in kinds[parts[0]]):
            raise ClusterRefused(404, "Nothing matches the given URI")
        show = _instance if parts[0] == "instances" else dict
        if len(parts) == 2:
            return {"name": parts[1], **show(kinds[parts[0]][parts[1]])}
        return [{**show(thing), "name": name} for name, thing in kinds[parts[0]].items()]

    def run(self, now_s: float) -> list[Delivery]:
        """
        Run what waits; the news of it, as the bus would deliver them.
        """
        news: list[Delivery] = []
        while self._ran < len(self.asked):
            job = self.asked[self._ran]
            self._ran += 1
            news += self._run(job, now_s)
        return news

    def _run(self, job: Job, now_s: float) -> list[Delivery]:
        news = []
        for index, opcode in enumerate(job.opcodes):
            last = index == len(job.opcodes) - 1
            news.append(self._told(job, opcode, now_s, "running", "running", None))
            try:
                if opcode in self.failures:
                    raise JobFailed(self.failures.pop(opcode))
                ACTS[opcode](self.held, job.name, job.body)
            except JobFailed as failed:
                result = ["OpPrereqError", [failed.message, failed.code]]
                news.append(self._told(job, opcode, now_s, "error", "error", result))
                break
            whole = "success" if last else "running"
            news.append(self._told(job, opcode, now_s, "success", whole, None))
        return news

    def _told(
        self, job: Job, opcode: str, now_s: float, status: str, whole: str, result: Any
    ) -> Delivery:
        self._told_us = max(self._told_us + 1, int(now_s * 1e6))
        kind, field_name, topic, _ = _subject(opcode)
        body = {
            "type": kind,
            "event_time": list(divmod(self._told_us, 1_000_000)),
            "operation": opcode,
            "status": status,
            "cluster": self.name,
            "jobId": job.id,
            "result": result,
            field_name: job.name,
        }
        if whole in ("success", "error"):
            self.ended[str(job.id)] = {
                "status": whole,
                "opstatus": [status],
                "opresult": [result],
                "end_ts": body["event_time"],
            }
        if self.tells_effects:
            body |= {"effect": job.effect_id, "job_status": whole}
        instance = self.held.instances.get(job.name)
        if field_name == "instance" and instance is not None and status == "success":
            body |= {
                "pnode": instance["node"],
                "instance_nics": instance["nics"],
                "instance_disks": instance["disks"],
            }
        return Delivery(f"ganeti.snf.event.{topic}", json.dumps(body).encode())


def _instance(held: dict[str, Any]) -> dict[str, Any]:
    """
    With the fields of Ganeti's RAPI.
    """
    return {
        **held,
        "oper_state": held["status"] in ("running", "paused"),
        "pnode": held["node"],
        "nic.names": [nic["name"] for nic in held["nics"]],
        "disk.names": [disk.get("name") for disk in held["disks"]],
    }


def _subject(opcode: str) -> tuple[str, str, str, str]:
    return _SUBJECTS["_".join(opcode.split("_")[:2])]
