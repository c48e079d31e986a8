"""
Packet rules as values, and the nftables script that leads from one set of rules to the next.

A script is one transaction: the kernel takes all of it or nothing, and no packet meets half of it.
The first rule of every chain bears a digest of them all as its comment, so that what the kernel has
can be compared with what it should have.  (A chain's own comment stays what it was at first.)
Checked against nftables 1.0.6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from attrs import field, frozen


@frozen
class Chain:
    """Rules, in order.  hook: what makes it a base chain: ``type filter hook input ...``."""

    rules: tuple[str, ...] = ()
    hook: str | None = None
    digest: str = field(init=False, eq=False, repr=False)

    @digest.default
    def _digested(self) -> str:
        """The same for the same chain, in whatever process; "" of one without rules."""
        if not self.rules:
            return ""
        text = "\n".join((self.hook or "", *self.rules))
        return f"{hashlib.sha256(text.encode('utf-8')).hexdigest()[:24]}/{len(self.rules)}"


@frozen
class Elements:
    """
    A set, or a map when elements have values.

    kind: ``set`` or ``map``.  type: as nft writes it.  elements: value by key; sets have ``""``.
    Keys are written as the kernel tells them: marks decimal, names without quotes, prefixes that
    don't overlap.
    """

    kind: str
    type: str
    flags: str = ""
    elements: Mapping[str, str] = field(factory=dict)

    @property
    def declaration(self) -> str:
        """What stands between braces."""
        flags = f" flags {self.flags};" if self.flags else ""
        return f"type {self.type};{flags}"


@frozen
class Table:
    """One table; family: bridge or inet."""

    family: str
    name: str
    chains: Mapping[str, Chain] = field(factory=dict)
    sets: Mapping[str, Elements] = field(factory=dict)

    @property
    def title(self) -> str:
        """Its family and name."""
        return f"{self.family} {self.name}"


@frozen
class Present:
    """
    What the kernel has of a table.

    chains: digest by name, "" of one that bears none.  sets: elements by name.
    """

    chains: Mapping[str, str] = field(factory=dict)
    sets: Mapping[str, Mapping[str, str]] = field(factory=dict)


def part_of(present: Present, table: Table) -> Present:
    """Of what the kernel has, just what is named in a part of its table."""
    return Present(
        {name: each for name, each in present.chains.items() if name in table.chains},
        {name: each for name, each in present.sets.items() if name in table.sets},
    )


def present_with(present: Present, old: Table, new: Table) -> Present:
    """What the kernel has after one part of its table took the place of another."""
    part = present_of(new)
    chains = {name: each for name, each in present.chains.items() if name not in old.chains}
    sets = {name: each for name, each in present.sets.items() if name not in old.sets}
    return Present({**chains, **part.chains}, {**sets, **part.sets})


def present_of(table: Table) -> Present:
    """What the kernel has once it has taken all of `table`."""
    return Present(
        {name: chain.digest for name, chain in table.chains.items()},
        {name: dict(each.elements) for name, each in table.sets.items()},
    )


def script(wanted: Table, present: Present | None) -> str:
    """
    Lines that lead from what is present to what is wanted; empty when that is the same.

    present: None when there is no such table.
    """
    now = present or Present()
    lines = [f"add table {wanted.title}"] if present is None else []
    lines += _declare(wanted, now)
    lines += _fill_chains(wanted, now)
    lines += _fill_sets(wanted, now)
    lines += _forget(wanted, now)
    return "".join(f"{line}\n" for line in lines)


def removal(table: Table) -> str:
    """Lines that remove the whole table, whether it is there or not."""
    return f"add table {table.title}\ndelete table {table.title}\n"


def _changed(wanted: Table, present: Present) -> list[str]:
    return [name for name, each in wanted.chains.items() if present.chains.get(name) != each.digest]


def _declare(wanted: Table, present: Present) -> list[str]:
    lines = [
        f"add {each.kind} {wanted.title} {name} {{ {each.declaration} }}"
        for name, each in wanted.sets.items()
        if name not in present.sets
    ]
    for name in _changed(wanted, present):
        chain = wanted.chains[name]
        hook = f" {{ {chain.hook}; policy accept; }}" if chain.hook else ""
        lines.append(f"add chain {wanted.title} {name}{hook}")
        if name in present.chains:
            lines.append(f"flush chain {wanted.title} {name}")
    return lines


def _fill_chains(wanted: Table, present: Present) -> list[str]:
    lines: list[str] = []
    for name in _changed(wanted, present):
        chain = wanted.chains[name]
        notes = [f' comment "{chain.digest}"', *([""] * (len(chain.rules) - 1))]
        lines += [
            f"add rule {wanted.title} {name} {rule}{note}"
            for rule, note in zip(chain.rules, notes, strict=False)
        ]
    return lines


def _fill_sets(wanted: Table, present: Present) -> list[str]:
    lines: list[str] = []
    for name, each in wanted.sets.items():
        before = present.sets.get(name, {})
        gone = [key for key, value in before.items() if each.elements.get(key) != value]
        new = [key for key, value in each.elements.items() if before.get(key) != value]
        if gone:
            lines.append(_elements("delete", wanted, name, dict.fromkeys(gone, "")))
        if new:
            lines.append(_elements("add", wanted, name, {key: each.elements[key] for key in new}))
    return lines


def _elements(verb: str, table: Table, name: str, elements: Mapping[str, str]) -> str:
    type_ = table.sets[name].type
    listed = ", ".join(
        f"{spelt(key, type_)} : {value}" if value else spelt(key, type_)
        for key, value in elements.items()
    )
    return f"{verb} element {table.title} {name} {{ {listed} }}"


def spelt(key: str, type_: str) -> str:
    """A key as nft reads it: names of interfaces in quotes."""
    kinds = type_.split(" : ")[0].split(" . ")
    parts = key.split(" . ")
    return " . ".join(
        f'"{part}"' if kind == "ifname" else part for part, kind in zip(parts, kinds, strict=True)
    )


def _forget(wanted: Table, present: Present) -> list[str]:
    """Chains and sets that nothing names any more."""
    chains = [name for name in present.chains if name not in wanted.chains]
    sets = [name for name in present.sets if name not in wanted.sets]
    return [
        *(f"flush chain {wanted.title} {name}" for name in chains),
        *(f"delete chain {wanted.title} {name}" for name in chains),
        *(f"delete set {wanted.title} {name}" for name in sets),
    ]
