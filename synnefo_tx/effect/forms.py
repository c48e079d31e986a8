"""
What kinds of things clusters hold besides servers, and how each is brought about.

A form gives the whole of what is wanted, read from the rows as they are then: steps that may be
taken again.  Nobody writes differences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen
from sqlalchemy import Connection

from synnefo_tx.effect.rows import group_shapes, network_shapes
from synnefo_tx.effect.tasks import Step

NETWORK, SECURITY_GROUP = "network", "security_group"


@frozen
class Form:
    """
    stands, gone: (connection, thing's id, cluster's id) -> the steps to it.  `stands` gives none
    when the thing is no more.
    """

    stands: Callable[[Connection, str, str], tuple[Step, ...]]
    gone: Callable[[Connection, str, str], tuple[Step, ...]]


FORMS: Mapping[str, Form] = {  # one line a kind
    NETWORK: Form(network_shapes.stands, network_shapes.gone),
    SECURITY_GROUP: Form(group_shapes.stands, group_shapes.gone),
}
