"""
Stores by address: what a daemon is told by its settings, and tells its workers.  Standard library
only.

``/path`` or ``file:/path``        a directory.  ``?direct=yes``: past the page cache
``rados:pool/namespace``           Ceph.  ``?conf=/etc/ceph/ceph.conf&id=admin``; ``term=20``: how
                                   many seconds a volume stays with a host that is gone
``memory``                         nothing is kept: for tests
all but the last take ``faults=/plan``, for tests: the faults of ``archipelagod.stores.faults``
"""

from __future__ import annotations

import os
import sys

from archipelagod.stores.store import Store, open_file_store, open_memory_store, remove_unfinished

_OPTIONS = {
    "file": {"direct", "faults"},
    "rados": {"conf", "id", "term", "faults"},
    "memory": set(),
}
FENCED = 75  # exit code: something that passes
MIN_TERM_S = 2  # Ceph counts seconds; a shorter term would end between two renewals


class BadAddress(ValueError):
    """
    There can be no store at that address; ``str()`` says why.
    """


def open_store(address: str, *, is_starting: bool = False) -> Store:
    """
    The store at ``address``.  Raises BadAddress, OSError.

    is_starting: a daemon starts: what killed writers left unfinished is removed.
    """
    kind, place, options = parse_address(address)
    if kind == "memory":
        return open_memory_store()
    if kind == "file":
        store = open_file_store(place, is_direct=options.get("direct") == "yes")
        if is_starting:
            remove_unfinished(place)
    else:
        store = _open_rados(place, options)
    if "faults" in options:
        from archipelagod.stores.faults import faulty_store

        store = faulty_store(store, options["faults"])
    return store


def _open_rados(place: str, options: dict[str, str]) -> Store:
    from archipelagod.stores.rados import open_rados_store

    pool, _, namespace = place.partition("/")
    return open_rados_store(
        pool,
        namespace,
        conf=options.get("conf", ""),
        client_id=options.get("id", "admin"),
        term_s=int(options.get("term", "20")),
        fenced=_end,
    )


def _end() -> None:
    """
    Ends this process: another host took over what it had while it stood still.  One that starts
    anew is another client of Ceph, and may have leases again.
    """
    sys.stderr.write("Ceph has fenced this process off: it ends\n")
    sys.stderr.flush()
    os._exit(FENCED)


def parse_address(address: str) -> tuple[str, str, dict[str, str]]:
    """
    Kind, place and options.  Raises BadAddress.
    """
    where, _, tail = address.partition("?")
    kind, colon, place = where.partition(":")
    if where.startswith("/"):
        kind, colon, place = "file", ":", where
    if kind not in _OPTIONS or bool(colon) == (kind == "memory"):
        raise BadAddress(f"{address!r} is no store: file:/path, rados:pool or memory")
    is_path = place.startswith("/") or kind != "file"
    if kind != "memory" and not (is_path and place.strip("/")):
        raise BadAddress(f"{address!r} does not say where the store is")
    options = dict(part.partition("=")[::2] for part in tail.split("&") if part)
    if unknown := options.keys() - _OPTIONS[kind]:
        raise BadAddress(f"{address!r}: a {kind} store has no option {', '.join(sorted(unknown))}")
    if options.get("direct", "no") not in ("yes", "no"):
        raise BadAddress(f"{address!r}: direct is yes or no")
    term = options.get("term", "20")
    if not (term.isdecimal() and int(term) >= MIN_TERM_S):
        raise BadAddress(f"{address!r}: term is a number of seconds, {MIN_TERM_S} or more")
    return kind, place, options
