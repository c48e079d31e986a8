"""
How an answer goes out: entity tags, compression, headers.
"""

from __future__ import annotations

import hashlib
import zlib

from attrs import frozen
from twisted.internet.threads import deferToThread
from twisted.web.server import Request

from ganetid.rapi.headers import header

SERVER = b"Ganeti 3.0.2"  # what clients look for
COMPRESSED_FROM = 1024  # bytes
IN_THREAD_FROM = 256 * 1024
LEVEL = 1  # answers are sent once: speed counts
CHUNK = 256 * 1024


@frozen
class Reply:
    """What is sent."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


async def send(request: Request, reply: Reply) -> None:
    """Send it; to a client that has hung up meanwhile, nothing."""
    body = reply.body
    request.setResponseCode(reply.status)
    request.setHeader(b"server", SERVER)
    for name, value in reply.headers:
        request.setHeader(name, value)
    if request.method == b"GET" and reply.status == 200:
        tag = entity_tag(body)
        request.setHeader(b"etag", tag)
        if _has_it(request, tag):
            request.setResponseCode(304)
            body = b""
        elif len(body) >= COMPRESSED_FROM and _takes_gzip(request):
            request.setHeader(b"content-encoding", b"gzip")
            request.setHeader(b"vary", b"accept-encoding")
            body = await _compressed(body)
    if request._disconnected:
        return
    request.setHeader(b"content-type", reply.content_type)
    request.setHeader(b"content-length", b"%d" % len(body))
    for start in range(0, len(body), CHUNK):
        request.write(body[start : start + CHUNK])
    request.finish()


def entity_tag(body: bytes) -> str:
    """The same for the same body."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _has_it(request: Request, tag: str) -> bool:
    known = header(request, b"if-none-match")
    return known.strip() == "*" or tag in {each.strip() for each in known.split(",")}


def _takes_gzip(request: Request) -> bool:
    accepted = header(request, b"accept-encoding")
    for each in accepted.lower().split(","):
        name, _, weight = each.strip().partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0"}
    return False


async def _compressed(body: bytes) -> bytes:
    if len(body) < IN_THREAD_FROM:
        return _gzip(body)
    return await deferToThread(_gzip, body)


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()
