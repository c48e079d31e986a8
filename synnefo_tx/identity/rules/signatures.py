"""
Signatures of requests with a shared secret, as EC2 and S3 clients make them.

Source: AWS's "Signature Version 4 signing process" and "Signature Version 2 signing process";
keystoneclient's contrib/ec2/utils.py for what services hand on of a request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from synnefo_tx.errors import NotAuthenticated

ALGORITHM = "AWS4-HMAC-SHA256"
S3_SERVICES = ("s3", "iam", "sts")
_NOT_SIGNED = ("Signature", "X-Amz-Signature")


class Signed(msgspec.Struct, frozen=True):
    """
    A request that was signed, as a service tells of it.  body_hash: SHA-256 in hexadecimal.
    """

    access: str
    signature: str = ""
    host: str = ""
    verb: str = ""
    path: str = ""
    params: dict[str, str] = {}
    headers: dict[str, str] = {}
    body_hash: str = ""
    token: str = ""

    @property
    def at(self) -> str:
        """
        When it was signed, as it says; "" when it does not.
        """
        dated = self.headers.get("X-Amz-Date") or self.params.get("X-Amz-Date")
        return self.params.get("Timestamp") or dated or ""


def is_signed_with(request: Signed, secret: str) -> bool:
    """
    Whether an EC2 request is signed with `secret`, version 2 or 4; some clients leave the port out.
    """
    names = [request.host]
    if ":" in request.host:
        names.append(request.host.rpartition(":")[0])
    return any(
        hmac.compare_digest(_ec2_signature(request, host, secret), request.signature.encode())
        for host in names
    )


def s3_is_signed_with(request: Signed, secret: str) -> bool:
    """
    Whether the text that an S3 service has made of a request (`token`, in base64) is signed with
    `secret`.  Raises NotAuthenticated for a text that is none.
    """
    try:
        text = base64.urlsafe_b64decode(request.token)
    except ValueError as error:
        raise NotAuthenticated("Invalid EC2 signature.") from error
    if text.startswith(b"AWS4"):
        made = _s3_version_4(text, secret)
    else:
        digest = hmac.new(secret.encode(), text, hashlib.sha1).digest()
        made = base64.b64encode(digest)
    return hmac.compare_digest(made, request.signature.encode())


def _ec2_signature(request: Signed, host: str, secret: str) -> bytes:
    if request.params.get("SignatureVersion") == "2":
        return _version_2(request, host, secret)
    return _version_4(request, host, secret)


def _version_2(request: Signed, host: str, secret: str) -> bytes:
    method = request.params.get("SignatureMethod", "HmacSHA256")
    kind = {"HmacSHA256": hashlib.sha256, "HmacSHA1": hashlib.sha1}.get(method)
    if kind is None:
        raise NotAuthenticated("Invalid EC2 signature.")
    text = "\n".join((request.verb, host, request.path, _query(request.params)))
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), kind).digest())


def _version_4(request: Signed, host: str, secret: str) -> bytes:
    """
    Source: AWS's guide, tasks 1 to 3.
    """
    names = _told(request, "SignedHeaders")
    scope = _told(request, "Credential").split("/")[1:]
    if len(scope) != 4 or scope[3] != "aws4_request" or not request.at.startswith(scope[0]):
        raise NotAuthenticated("Invalid EC2 signature.")
    given = {name.lower().strip(): value.strip() for name, value in request.headers.items()}
    given["host"] = host if host != request.host else given.get("host", host)
    headers = "".join(f"{name}:{given[name]}\n" for name in names.split(";") if name in given)
    query = "" if request.verb.upper() == "POST" else _query(request.params)
    whole = (request.verb.upper(), request.path, query, headers, names, request.body_hash)
    digest = hashlib.sha256("\n".join(whole).encode()).hexdigest()
    text = "\n".join((ALGORITHM, request.at, "/".join(scope), digest))
    return _signed_in(scope, text.encode(), secret)


def _s3_version_4(text: bytes, secret: str) -> bytes:
    lines = text.split(b"\n")
    scope = lines[2].decode("utf-8", "replace").split("/") if len(lines) == 4 else []
    if len(scope) != 4 or lines[0] != ALGORITHM.encode() or scope[2] not in S3_SERVICES:
        raise NotAuthenticated("Invalid EC2 signature.")
    if scope[3] != "aws4_request":
        raise NotAuthenticated("Invalid EC2 signature.")
    return _signed_in(scope, text, secret)


def _signed_in(scope: list[str], text: bytes, secret: str) -> bytes:
    """
    The signature of `text` with the key for a day, a region and a service.
    """
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text, hashlib.sha256).hexdigest().encode()


def _told(request: Signed, name: str) -> str:
    """
    A part of the Authorization header, or the parameter that stands for it.
    """
    header = request.headers.get("Authorization", "")
    if header:
        return header.partition(f"{name}=")[2].partition(",")[0].strip()
    return request.params.get(f"X-Amz-{name}", "")


def _query(params: Mapping[str, Any]) -> str:
    pairs = sorted((name, value) for name, value in params.items() if name not in _NOT_SIGNED)
    return "&".join(
        f"{quote(name, safe='-_~')}={quote(value, safe='-_~')}" for name, value in pairs
    )
