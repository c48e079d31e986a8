"""
Instance policies: what an instance may have, for the cluster and for a node group over it.

Sizes are MiB.  Bounds by default are wider than Ganeti's, so that small guests need no set-up.
Source: Ganeti 3.0.2, its keys and messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from ganetid.cluster.typed import DEFAULT, forced

SPECS = ("memory-size", "cpu-count", "disk-count", "disk-size", "nic-count", "spindle-use")
_SPEC_TYPES = dict.fromkeys(SPECS, "int")
RATIOS = ("spindle-ratio", "vcpu-ratio")
KEYS = ("disk-templates", "minmax", "std", *RATIOS)

IPOLICY: Mapping[str, Any] = {
    "minmax": [
        {
            "min": {"memory-size": 64, "cpu-count": 1, "disk-count": 0, "disk-size": 0,
                    "nic-count": 0, "spindle-use": 1},
            "max": {"memory-size": 1048576, "cpu-count": 256, "disk-count": 16,
                    "disk-size": 67108864, "nic-count": 8, "spindle-use": 12},
        }
    ],
    "std": {"memory-size": 1024, "cpu-count": 1, "disk-count": 1, "disk-size": 10240,
            "nic-count": 1, "spindle-use": 1},
    "spindle-ratio": 32.0,
    "vcpu-ratio": 16.0,
}  # fmt: skip


class BadPolicy(Exception):
    """A policy that can't be so."""


@frozen
class Wish:
    """What of an instance a policy looks at; None: not asked for."""

    memory: int | None
    vcpus: int | None
    disks: tuple[int, ...]
    nics: int
    spindle_use: int | None
    template: str


def cluster_policy(params: Mapping[str, Any], templates: Iterable[str]) -> dict[str, Any]:
    """The cluster's policy, all of it.  params: the cluster's; templates: those enabled."""
    return {**IPOLICY, "disk-templates": sorted(templates), **params.get("ipolicy", {})}


def group_policy(cluster: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
    """The policy that counts in a group."""
    return {**cluster, **group}


def changed(old: Mapping[str, Any], change: Mapping[str, Any], of_group: bool) -> dict[str, Any]:
    """
    The policy with what is changed; a group's keys are taken out by "default".

    old: as set so far.  Raises BadPolicy, WrongType.
    """
    newer = dict(old)
    for key, value in change.items():
        if key not in KEYS:
            raise BadPolicy(f"Invalid key in new ipolicy: {key}")
        if not value or value in (DEFAULT, [DEFAULT]):
            if not of_group:
                raise BadPolicy(f"Can't unset ipolicy attribute '{key}' on the cluster'")
            newer.pop(key, None)
        elif key == "std" and of_group:
            raise BadPolicy("std cannot appear in group instance specs")
        else:
            newer[key] = _value(key, value, newer)
    _check(newer)
    return newer


def _value(key: str, value: Any, old: Mapping[str, Any]) -> Any:
    if key in RATIOS:
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise BadPolicy(
                f"Invalid value for attribute '{key}': '{value}', error: {error}"
            ) from None
    if key == "std":
        return forced({**old.get("std", IPOLICY["std"]), **_dict(value)}, _SPEC_TYPES)
    if key == "minmax":
        return [
            {bound: forced(specs, _SPEC_TYPES) for bound, specs in _dict(each).items()}
            for each in _list(value)
        ]
    return [str(each) for each in _list(value)]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise BadPolicy(f"Invalid instance policy: expected a list, got '{value}'")
    return value


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadPolicy(f"Invalid instance policy: expected a dictionary, got '{value}'")
    return value


def _check(policy: Mapping[str, Any]) -> None:
    for minmax in policy.get("minmax", IPOLICY["minmax"]):
        if set(minmax) != {"min", "max"}:
            raise BadPolicy("Invalid instance policy: Missing minmax or wrong keys in it")
        for bound in ("min", "max"):
            missing = sorted(set(SPECS) - set(minmax[bound]))
            if missing:
                raise BadPolicy(
                    f"Invalid instance policy: Missing instance specification parameters:"
                    f" {', '.join(missing)}"
                )
        for name in SPECS:
            if minmax["min"][name] > minmax["max"][name]:
                raise BadPolicy(
                    f"Invalid instance policy: Invalid specification of min/max values for {name}:"
                    f" {minmax['min'][name]}/{minmax['max'][name]}"
                )


def violations(policy: Mapping[str, Any], wish: Wish) -> list[str]:
    """What of the wish the policy forbids, in Ganeti's words; nothing when it is fine."""
    found: list[str] = []
    allowed = policy["disk-templates"]
    if wish.template not in allowed:
        found.append(
            f"Disk template {wish.template} is not allowed"
            f" (allowed templates: {', '.join(allowed)})"
        )
    tested = _tested(wish)
    by_bounds = [
        [text for name, label, value in tested if (text := _outside(minmax, name, label, value))]
        for minmax in policy["minmax"]
    ]
    return found + min(by_bounds, key=len)


def _tested(wish: Wish) -> list[tuple[str, str, int | None]]:
    tested: list[tuple[str, str, int | None]] = [
        ("memory-size", "memory-size", wish.memory),
        ("cpu-count", "cpu-count", wish.vcpus),
        ("nic-count", "nic-count", wish.nics),
        ("spindle-use", "spindle-use", wish.spindle_use),
    ]
    tested += [("disk-size", f"disk-size/{index}", size) for index, size in enumerate(wish.disks)]
    if wish.disks:
        tested.append(("disk-count", "disk-count", len(wish.disks)))
    return tested


def _outside(minmax: Mapping[str, Any], name: str, label: str, value: int | None) -> str | None:
    low, high = minmax["min"][name], minmax["max"][name]
    if value is None or low <= value <= high:
        return None
    return f"{label} value {value} is not in range [{low}, {high}]"
