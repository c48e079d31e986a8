"""
Bodies of commissions, in Synnefo's words.  Pure.

Source: Synnefo 0.21, astakos/api/quotas.py.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.errors import BadRequest
from synnefo_tx.quota.model import Key, Provision, Wanted

MOST = 2**62  # of one resource, so that sums of some fit into the database's numbers
_LONGEST = {"holder": 80, "source": 80, "resource": 64}  # characters that the database keeps


def read_wanted(body: dict[str, Any], client: str) -> Wanted:
    """
    What POST /commissions asks for.  Raises BadRequest.
    """
    provisions = body.get("provisions")
    if provisions is None:
        raise BadRequest("Provisions are missing.")
    if not isinstance(provisions, list):
        raise BadRequest("Provisions should be a list.")
    name = body.get("name", "")
    if not isinstance(name, str):
        raise BadRequest("Commission name should be a string.")
    return Wanted(
        client=client,
        provisions=[_provision(one) for one in provisions],
        name=name,
        force=_flag(body, "force"),
        accept=_flag(body, "auto_accept"),
    )


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f'"{name}" option should be a boolean.')
    return value


def _provision(one: object) -> Provision:
    if not isinstance(one, dict) or not {*_LONGEST, "quantity"} <= one.keys():
        raise BadRequest(f"Malformed provision {one}")
    quantity, source = one["quantity"], one["source"]
    place = {"holder": one["holder"], "source": "" if source is None else source}
    place["resource"] = one["resource"]
    whole = isinstance(quantity, int) and not isinstance(quantity, bool)
    if not whole or abs(quantity) > MOST or not all(_fits(*item) for item in place.items()):
        raise BadRequest(f"Malformed provision {one}")
    return Provision(Key(**place), quantity)


def _fits(name: str, value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST[name] and "\0" not in value


def read_verdict(body: dict[str, Any]) -> bool:
    """
    Whether one commission is to be accepted.  Raises BadRequest.
    """
    if ("accept" in body) == ("reject" in body):
        raise BadRequest("Specify either accept or reject action.")
    return "accept" in body


def read_verdicts(body: dict[str, Any]) -> tuple[list[int], list[int]]:
    """
    Serials to accept and to reject.  Raises BadRequest.
    """
    accept, reject = body.get("accept", []), body.get("reject", [])
    if not isinstance(accept, list) or not isinstance(reject, list):
        raise BadRequest('"accept" and "reject" should reference lists of serials.')
    if not all(_is_serial(one) for one in (*accept, *reject)):
        raise BadRequest("Serials should be integer.")
    return accept, reject


def _is_serial(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < MOST


def read_serial(text: str) -> int:
    """
    The serial in a path.  Raises BadRequest.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest("Serial should be an integer.")
    return int(text)
