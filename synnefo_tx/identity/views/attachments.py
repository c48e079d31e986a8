"""
What Keystone keeps for other services, as JSON: policies, OAuth1 consumers, endpoint groups.
base: the URL of /v3, without a trailing slash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

View = dict[str, Any]
Thing = Mapping[str, Any]


def policy_view(policy: Thing, base: str) -> View:
    return {**policy, "links": {"self": f"{base}/policies/{policy['id']}"}}


def consumer_view(consumer: Thing, base: str) -> View:
    """
    Without its secret.
    """
    shown = {name: value for name, value in consumer.items() if name != "secret"}
    return shown | {"links": {"self": f"{base}/OS-OAUTH1/consumers/{consumer['id']}"}}


def new_consumer_view(consumer: Thing, base: str) -> View:
    """
    With its secret, this once.
    """
    return consumer_view(consumer, base) | {"secret": consumer["secret"]}


def endpoint_group_view(group: Thing, base: str) -> View:
    here = f"{base}/OS-EP-FILTER/endpoint_groups/{group['id']}"
    return {**group, "links": {"self": here}}
