"""
One HTTP call as its handler sees it.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

import msgspec
from attrs import define, field
from twisted.web.iweb import IRequest

from synnefo_tx.errors import BadRequest, TooLarge
from synnefo_tx.http.streaming import MAX_BODY_BYTES, BodyStream
from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.token import Token


@define
class Call:
    """
    `base` is the URL of the service's root as the client reached it, without a trailing slash;
    `version` the microversion asked for, (major, minor), where the API has them; `issued` the token
    that its answer brings.
    """

    request: IRequest
    request_id: str
    base: str
    path: str
    body_stream: BodyStream | None
    bearer: Token | None = None
    issued: Token | None = None
    version: tuple[int, int] = (0, 0)
    extra_headers: list[tuple[str, str]] = field(factory=list)

    @property
    def token(self) -> Token:
        """
        Who calls.  Only routes that ask for a token may use it.
        """
        assert self.bearer is not None
        return self.bearer

    @property
    def caller(self) -> Caller:
        """
        The same, as units of work are told.
        """
        token = self.token
        return Caller(token.project_id, token.user_id, token.is_admin)

    def header(self, name: str, default: str = "") -> str:
        """
        The header called `name`, the last of several.
        """
        value = self.request.getHeader(name.lower().encode("ascii"))  # as text it must be UTF-8
        return default if value is None else value.decode("utf-8", "replace")

    def queries(self) -> list[tuple[str, str]]:
        """
        The query's pairs in their order, repeated keys kept.
        """
        _, _, query = self.request.uri.partition(b"?")
        return parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True)

    def query(self, name: str, default: str | None = None) -> str | None:
        """
        The last value of `name` in the query.
        """
        return dict(self.queries()).get(name, default)

    def raw_body(self) -> bytes:
        """
        The whole body of a call that is not streamed.  Raises TooLarge.
        """
        content = self.request.content
        content.seek(0)
        data: bytes = content.read(MAX_BODY_BYTES + 1)
        if len(data) > MAX_BODY_BYTES:
            raise TooLarge("Request is too large.")
        return data

    def body_size(self) -> int:
        """
        Bytes of the body of a call that is not streamed.
        """
        content = self.request.content
        size: int = content.seek(0, 2)
        return size

    def json(self, malformed: str = "Malformed request body") -> object:
        """
        The body decoded.  Raises BadRequest with `malformed` as its text.
        """
        try:
            return msgspec.json.decode(self.raw_body())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest(malformed) from error
