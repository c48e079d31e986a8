"""
Where a daemon listens, as clients write it.
"""

from __future__ import annotations

import re

from attrs import frozen

_FIELD = re.compile(r"((?:[^\\:]|\\.)*)(?::|$)")
_OPTIONS = {"ca", "certificate", "key"}


class BadPlace(ValueError):
    """
    The text names no place.
    """


@frozen
class Place:
    """
    kind: "unix", "tcp" or "ssl".  address: a path or host.

    ca: file with the certificates that may vouch for the daemon (of "ssl"; None: those of the
    system).  certificate, key: files with our own, if the daemon wants one.
    """

    kind: str
    address: str
    port: int = 0
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


def parse_place(text: str) -> Place:
    r"""
    ``unix:PATH``, ``tcp:HOST:PORT`` or ``ssl:HOST:PORT[:ca=F][:certificate=F][:key=F]``.

    A colon or backslash in a path or host is written ``\:`` or ``\\``.  Raises BadPlace.
    """
    fields = fields_of(text)
    kind, address = fields[0], fields[1] if len(fields) > 1 else ""
    rest = [field for field in fields[2:] if field]
    if kind == "unix" and address and not rest:
        return Place(kind, address.removeprefix("path="))
    if kind not in ("tcp", "ssl") or not address or not rest:
        raise BadPlace(f"{text!r} is not unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT")
    port = rest.pop(0)
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 1 << 16:
        raise BadPlace(f"{text!r}: {port!r} is not a port")
    return Place(kind, address.removeprefix("host="), int(port), **_options(text, kind, rest))


def fields_of(text: str) -> list[str]:
    r"""
    What stands between colons; one that belongs to a field is written ``\:``.
    """
    return [re.sub(r"\\(.)", r"\1", found) for found in _FIELD.findall(text)]


def _options(text: str, kind: str, fields: list[str]) -> dict[str, str]:
    found = dict(field.partition("=")[::2] for field in fields)
    if set(found) - _OPTIONS or not all(found.values()) or (found and kind != "ssl"):
        raise BadPlace(f"{text!r}: only ssl has options, and those are ca, certificate and key")
    if "key" in found and "certificate" not in found:
        raise BadPlace(f"{text!r}: a key without its certificate")
    return found
