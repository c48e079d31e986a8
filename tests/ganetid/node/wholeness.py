"""
Whether a cluster of three machines is whole: jobs, guests, networks, copies of the configuration.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from twisted.internet.threads import deferToThread

from ganetid.hypervisor.process import arguments_of
from ganetid.network.names import tap_prefix
from tests.ganetid.cluster import FINAL, Client
from tests.ganetid.node.disorder import LEDGER, NAMES
from tests.ganetid.node.machines import Machine, run

TABLES = ("facts", "jobs", "instances", "networks", "members", "groups", "outbox")
TAP = rf"\b{tap_prefix('cluster')}[0-9a-f]+\b"  # of the cluster that the settings name by default


async def lost_jobs(client: Client, acknowledged: list[int]) -> list[int]:
    """Numbers of acknowledged jobs that the cluster does not know."""
    _, jobs = await client.call("GET", "/2/jobs")
    known = {int(job["id"]) for job in jobs}
    return [number for number in acknowledged if number not in known]


async def have_ended(client: Client) -> bool:
    """Whether every job is final."""
    _, jobs = await client.call("GET", "/2/jobs?bulk=1")
    return all(job["status"] in FINAL for job in jobs)


async def run_once(client: Client) -> list[str]:
    """Tag jobs that were done another number of times than once."""
    _, shown = await client.call("GET", f"/2/instances/{LEDGER}")
    _, jobs = await client.call("GET", "/2/jobs?bulk=1")
    done = [
        job["ops"][0]["tags"][0]
        for job in jobs
        if job["ops"][0]["OP_ID"] == "OP_TAGS_SET" and job["status"] == "success"
    ]
    found = []
    if set(shown["tags"]) != set(done):
        found.append(f"tags {set(shown['tags']) ^ set(done)} are there or successful, not both")
    if shown["serial_no"] != 1 + len(done):
        found.append(f"{LEDGER} was changed {shown['serial_no'] - 1} times by {len(done)} jobs")
    return found


async def held_locks(client: Client) -> list[Any]:
    """Locks that somebody has though all jobs have ended."""
    _, locks = await client.call("GET", "/2/query/lock?fields=name,owner")
    return list(locks["data"])


async def masters(machines: list[Machine]) -> list[Machine]:
    """Machines whose remote API answers."""
    found = []
    for machine in machines:
        try:
            await machine.client.call("GET", "/version")
        except Exception:  # noqa: BLE001 - nobody listens there
            continue
        found.append(machine)
    return found


async def misplaced(client: Client, machines: list[Machine]) -> list[str]:
    """
    QEMUs that run where they are not configured, or are shown as what they are not.

    Raises AssertionError when a guest runs twice.
    """
    _, shown = await client.call("GET", "/2/instances?bulk=1")
    places = {each["name"]: each["pnode"] for each in shown}
    running = {each.name: [each.guest_of(pid) for pid in each.qemus()] for each in machines}
    for name in NAMES:
        count = sum(guests.count(name) for guests in running.values())
        assert count <= 1, f"{name} runs {count} times: {running}"
    strays = [
        f"{name} runs on {node}, its place is {places.get(name)}"
        for node, guests in running.items()
        for name in guests
        if places.get(name) != node
    ]
    return strays + [
        f"{each['name']} is {each['status']} on {each['pnode']}, QEMUs are {running}"
        for each in shown
        if each["oper_state"] != (each["name"] in running[each["pnode"]])
    ]


async def believed_misplaced(client: Client) -> list[str]:
    """Fake guests have no process to be counted: what the nodes say has to agree."""
    _, shown = await client.call("GET", "/2/instances?bulk=1")
    odd = ("ERROR_wrongnode", "ERROR_up", "ERROR_nodedown")
    return [f"{each['name']} is {each['status']}" for each in shown if each["status"] in odd]


async def stray_taps(machines: list[Machine]) -> list[str]:
    """Taps, and rules of taps, of no QEMU that runs there; QEMUs whose tap is missing."""
    found = []
    for machine in machines:
        words = [word for pid in machine.qemus() for word in arguments_of(pid)]
        wanted = set(re.findall(TAP, " ".join(words)))
        taps, ruled = await deferToThread(_taps_of, machine)
        if taps != wanted:
            found.append(f"{machine.name} has the taps {taps}, wanted are {wanted}")
        if ruled - wanted:
            found.append(f"{machine.name} has rules of {ruled - wanted}")
    return found


def _taps_of(machine: Machine) -> tuple[set[str], set[str]]:
    links = run("ip", "-netns", machine.namespace, "-o", "link")
    rules = run("ip", "netns", "exec", machine.namespace, "nft", "list", "ruleset")
    return set(re.findall(TAP, links)), set(re.findall(TAP, rules))


async def unequal_copies(master: Machine, machines: list[Machine]) -> list[str]:
    """Tables that differ between the master and a candidate, or can't be read."""
    others = [each for each in machines if each is not master]
    return await deferToThread(_unequal, master, others)


def _unequal(master: Machine, others: list[Machine]) -> list[str]:
    own = sqlite3.connect(master.state / "cluster.db")
    found = []
    try:
        for other in others:
            copy = sqlite3.connect(other.state / "replica.db")
            try:
                found += [
                    f"{table} differs on {other.name}"
                    for table in TABLES
                    if _rows(own, table) != _rows(copy, table)
                ]
                (verdict,) = copy.execute("PRAGMA quick_check").fetchone()
                found += [] if verdict == "ok" else [f"{other.name}: {verdict}"]
            finally:
                copy.close()
    finally:
        own.close()
    return found


def _rows(connection: sqlite3.Connection, table: str) -> list[Any]:
    return connection.execute(f"SELECT * FROM {table}").fetchall()
