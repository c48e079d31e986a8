"""
/2/webhooks: addresses that events are posted to; see events/webhooks.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ganetid.events.webhooks import MOST_HOOKS, Webhook, Webhooks
from ganetid.rapi.api import WRITERS, Api, Verb
from ganetid.rapi.arguments import Call, checked_type
from ganetid.rapi.faults import Fault

KNOWN = frozenset({"url", "types", "secret"})
LONGEST_URL = 2048


def _hooks(api: Api) -> Webhooks:
    if api.hooks is None:
        raise Fault(501, "There are no webhooks")
    return api.hooks


def _shown(hook: Webhook) -> dict[str, Any]:
    """Without its secret."""
    return {"id": hook.id, "url": hook.url, "types": list(hook.types), "after": hook.after}


async def _list(api: Api, call: Call) -> Any:
    return [_shown(hook) for hook in _hooks(api).hooks()]


async def _add(api: Api, call: Call) -> Any:
    """Answers with the secret, this once."""
    hooks, body = _hooks(api), call.mapping
    unknown = sorted(set(body) - KNOWN)
    if unknown:
        raise Fault(400, f"A webhook doesn't support the parameter '{unknown[0]}'")
    url = checked_type(body.get("url"), str, "'url' parameter")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(url) > LONGEST_URL:
        raise Fault(400, "The 'url' parameter should be an http or https URL")
    types = checked_type(body.get("types", []), list, "'types' parameter")
    if not all(isinstance(each, str) for each in types):
        raise Fault(400, "The 'types' parameter should be a list of strings")
    secret = body.get("secret")
    if secret is not None:
        checked_type(secret, str, "'secret' parameter")
    if len(hooks.hooks()) >= MOST_HOOKS:
        raise Fault(503, "Too many webhooks")
    hook = await hooks.add(url, tuple(types), secret)
    return {**_shown(hook), "secret": hook.secret}


async def _remove(api: Api, call: Call) -> Any:
    if not await _hooks(api).remove(call.items[0]):
        raise Fault(404)
    return None


RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/webhooks": {"GET": Verb(_list, WRITERS), "POST": Verb(_add, WRITERS)},
    "/2/webhooks/{name}": {"DELETE": Verb(_remove, WRITERS)},
}
