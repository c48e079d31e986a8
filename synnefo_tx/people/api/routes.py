"""
What is below /account/v1.0/people.
"""

from __future__ import annotations

from synnefo_tx.http.router import Router
from synnefo_tx.people.api import (
    emails,
    methods,
    moderating,
    registration,
    resetting,
    second_factor,
    terms,
    verifying,
)
from synnefo_tx.people.api.context import People
from synnefo_tx.people.external.api import ways
from synnefo_tx.people.external.providers import Providers

_RESOURCES = (registration, verifying, resetting, terms, moderating)


def add_people(router: Router, people: People, providers: Providers) -> None:
    """
    Further routes of the account API, with those of log-in by other providers.
    """
    for resource in _RESOURCES:
        resource.add_routes(router, people)
    for own in (second_factor, methods, emails):
        own.add_routes(router, people, providers)
    ways.add_routes(router, people, providers)
