"""
Services in parts: a file that is put into a package is found there, so that no list names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any


def modules_of(package: str) -> Iterator[ModuleType]:
    """
    The modules of the package called `package`, by name.
    """
    path = import_module(package).__path__
    for name in sorted(info.name for info in iter_modules(path)):
        yield import_module(f"{package}.{name}")


def serve_parts(package: str, service: Any) -> None:
    """
    Serve what each module of `package` with an `add_routes` adds to `service`.
    """
    for module in modules_of(package):
        add = getattr(module, "add_routes", None)
        if add is not None:
            add(service)


def merged(package: str, name: str, prefix: str = "") -> dict[str, Any]:
    """
    The tables called `name` of all modules of `package` as one, with `prefix` before each key.
    Raises ValueError for a key that two modules have: one of them would not count.
    """
    whole: dict[str, Any] = {}
    for module in modules_of(package):
        table: dict[str, Any] = getattr(module, name)
        doubles = whole.keys() & {prefix + key for key in table}
        if doubles:
            raise ValueError(f"{module.__name__} repeats {sorted(doubles)}")
        whole |= {prefix + key: value for key, value in table.items()}
    return whole
