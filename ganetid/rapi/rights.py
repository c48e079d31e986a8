"""
What a user may: Ganeti's words read and write, roles, and permissions one by one.

The third column of the users file, words with commas between.  ``@admin`` may all, ``@readonly``
reads, ``@operator`` also starts, stops and looks at consoles.  ``instances.startup``, ``jobs.*``
permit that; ``-instances.delete`` forbids it, whatever else is there.
Source of the syntax: Ganeti's pull request 1934.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping

from attrs import frozen

READ = "read"
WRITE = "write"
ROLES: Mapping[str, frozenset[str]] = {
    "@admin": frozenset({READ, WRITE}),
    "@readonly": frozenset({READ}),
    "@operator": frozenset({
        READ, "instances.startup", "instances.shutdown", "instances.reboot",
        "instances.console", "jobs.*",
    }),
}  # fmt: skip
ACTIONS: Mapping[str, str] = {
    "GET": "query", "POST": "create", "PUT": "modify", "DELETE": "delete",
}  # fmt: skip
_OWN_ACTION = re.compile(r"/2/[a-z-]+/\{[a-z]+\}/(?:.*/)?([a-z-]+)")
_RESOURCE = re.compile(r"/2/([a-z-]+)")
_CLUSTER = frozenset({
    "info", "modify", "features", "os", "redistribute-config", "tags", "verify", "rename",
    "destroy",
})  # fmt: skip


@frozen
class Rights:
    """
    The words of a user, with roles spelt out.

    granted, denied: patterns of permissions.
    """

    words: frozenset[str] = frozenset()
    granted: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()

    def allow(self, access: frozenset[str], permission: str) -> bool:
        """
        Whether that is permitted.

        access: words one of which suffices; empty: anybody may who is not denied it.
        """
        if _matches(permission, self.denied):
            return False
        return not access or bool(access & self.words) or _matches(permission, self.granted)


def rights_of(words: Iterable[str]) -> Rights:
    """The rights that these words give; unknown roles give none."""
    plain: set[str] = set()
    granted: list[str] = []
    denied: list[str] = []
    for word in _spelt(words):
        if word in {READ, WRITE}:
            plain.add(word)
        elif word.startswith("-"):
            denied.append(word[1:])
        elif not word.startswith("@"):
            granted.append(word.removeprefix("+"))
    return Rights(frozenset(plain), tuple(granted), tuple(denied))


def permission_of(method: str, path: str) -> str:
    """The permission that a method of a resource needs.  path: as in the table of routes."""
    found = _RESOURCE.match(path)
    resource = "cluster" if found is None or found[1] in _CLUSTER else found[1]
    own = _OWN_ACTION.fullmatch(path)
    if own is None:
        word = path.rpartition("/")[2]
        action = ACTIONS[method] if method == "GET" or word == resource else word
        action = ACTIONS[method] if "{" in action or action == "tags" else action
        return f"{resource}.{action}"
    if own[1] in {"tags", "role", "storage", "fields"}:
        return f"{resource}.{ACTIONS[method]}"
    return f"{resource}.{own[1]}"


def _spelt(words: Iterable[str]) -> list[str]:
    return [each for word in words for each in sorted(ROLES.get(word, {word}))]


def _matches(permission: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(permission, pattern) for pattern in patterns)
