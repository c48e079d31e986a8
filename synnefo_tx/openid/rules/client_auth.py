"""
Who calls the token endpoint, as RFC 6749 2.3 lets clients tell it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import unquote_plus

from attrs import field, frozen

from synnefo_tx.openid.errors import InvalidClient, Refused
from synnefo_tx.openid.model import BASIC, NONE, POST, Client
from synnefo_tx.openid.unguessable import digest, matches


@frozen
class Shown:
    """
    What a client shows.  method: as OpenID names it.
    """

    method: str
    client_id: str
    secret: str = field(repr=False, default="")


def shown_by(authorization: str, form: Mapping[str, str]) -> Shown:
    """
    Raises InvalidClient, and Refused for more than one way at once.
    """
    if authorization:
        shown = _basic(authorization)
        if "client_secret" in form or form.get("client_id", shown.client_id) != shown.client_id:
            raise Refused("invalid_request", "The client authenticates in more than one way.")
        return shown
    if not form.get("client_id"):
        raise InvalidClient
    if "client_secret" in form:
        return Shown(POST, form["client_id"], form["client_secret"])
    return Shown(NONE, form["client_id"])


def proven(client: Client | None, shown: Shown) -> Client:
    """
    The client, if it is who it says.  Raises InvalidClient.
    """
    kept = client.secret_digest if client else digest("")
    right = shown.method == NONE or matches(shown.secret, kept)
    if client is None or not client.enabled or shown.method != client.auth_method or not right:
        raise InvalidClient
    return client


def _basic(authorization: str) -> Shown:
    kind, _, coded = authorization.partition(" ")
    if kind.lower() != "basic":
        raise InvalidClient
    try:
        text = base64.b64decode(coded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidClient from error
    client_id, _, secret = text.partition(":")
    return Shown(BASIC, unquote_plus(client_id), unquote_plus(secret))
