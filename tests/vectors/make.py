"""
Writes frames.json and handshake.json from docs/protocol.md alone, without the code that they test,
and conversation.json from what client and server say.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import zlib
from typing import Any

from tests.vectors import HERE
from tests.vectors.conversation import record

FIELDS = ("kind", "operation", "flags", "status", "serial", "offset", "size")
SECRET = b"the secret of the test vectors"


def number(value: int, size: int) -> bytes:
    """As the page writes numbers."""
    return value.to_bytes(size, "little")


def frame(**given: Any) -> bytes:
    """
    A frame of the page; ``magic``, ``layout``, ``zero``, ``lengths`` and ``checksum`` to break it.
    """
    target, data = given.get("target", b""), given.get("data", b"")
    target_bytes, data_bytes = given.get("lengths", (len(target), len(data)))
    front = b"".join(
        (
            given.get("magic", b"SNFB"),
            number(given.get("layout", 1), 1),
            number(given.get("kind", 1), 1),
            number(given.get("operation", 0), 2),
            number(given.get("flags", 0), 2),
            number(given.get("status", 0), 2),
            number(given.get("serial", 0), 8),
            number(given.get("offset", 0), 8),
            number(given.get("size", 0), 8),
            number(target_bytes, 2),
            number(given.get("zero", 0), 2),
            number(data_bytes, 4),
        )
    )
    checksum = zlib.crc32(front) ^ given.get("checksum", 0)
    return front + number(checksum, 4) + target + data


def valid(name: str, **given: Any) -> dict[str, Any]:
    """A frame and what it means."""
    meaning = {field: given.get(field, 0) for field in FIELDS}
    meaning["kind"] = given.get("kind", 1)
    return {
        "name": name,
        "hex": frame(**given).hex(),
        **meaning,
        "target": given.get("target", b"").decode(),
        "data": given.get("data", b"").hex(),
    }


def invalid(name: str, **given: Any) -> dict[str, Any]:
    """A frame that ends the connection."""
    return {"name": name, "hex": frame(**given).hex()}


LARGEST = {"offset": 2**64 - 1, "size": 2**64 - 1, "serial": 2**64 - 1}
VALID = [
    valid("nothing but zeros"),
    valid("a read", operation=10, serial=7, offset=4096, size=512, target=b"disk-1"),
    valid("a write", operation=11, serial=8, flags=1, offset=3, target=b"disk-1", data=b"content"),
    valid("a reply", kind=2, operation=10, serial=7, data=b"\x00\xff"),
    valid("a refusal", kind=2, operation=10, serial=7, status=2, data=b"disk-1"),
    valid("an error", kind=3, status=12, data=b"bad magic"),
    valid("progress", kind=4, operation=71, serial=9, offset=100, size=42),
    valid("all numbers at their largest", operation=65535, flags=65535, status=65535, **LARGEST),
    valid("a target of two-byte letters", operation=20, target="\u00fc\u00df".encode()),
    valid("the longest target", operation=20, target=b"x" * 255),
    valid("unknown flags", operation=12, flags=0x8000, target=b"v"),
]
INVALID = [
    invalid("bad magic", magic=b"SNFA"),
    invalid("layout 0", layout=0),
    invalid("layout 2", layout=2),
    invalid("kind 0", kind=0),
    invalid("kind 5", kind=5),
    invalid("a number where zero has to be", zero=1),
    invalid("a wrong checksum", operation=10, checksum=1),
    invalid("a target of 256 bytes", target=b"x" * 256),
    invalid("data above the limit", lengths=(0, (4 << 20) + (64 << 10) + 1)),
    invalid("the largest length", lengths=(0, 2**32 - 1)),
    invalid("a target that is not UTF-8", target=b"\xff\xfe"),
    invalid("a target with half a letter", target=b"\xc3"),
    invalid("a target with a surrogate", target=b"\xed\xa0\x80"),
]


def handshake() -> dict[str, Any]:
    """
    All four frames, with fixed nonces.
    """
    client_nonce = hashlib.sha256(b"client").digest()
    server_nonce = hashlib.sha256(b"server").digest()
    said = number(2, 2) + number(2, 2) + number(32, 2) + number(0, 2) + number(7, 8) + client_nonce
    chosen = number(2, 2) + number(32, 2) + number(4259840, 4) + number(7, 8) + server_nonce
    server_proof = hmac.digest(SECRET, b"snf-block server" + said + chosen, "sha256")
    client_proof = hmac.digest(SECRET, b"snf-block client" + said + chosen, "sha256")
    return {
        "secret": SECRET.hex(),
        "client_nonce": client_nonce.hex(),
        "server_nonce": server_nonce.hex(),
        "hello": frame(operation=1, serial=1, data=said).hex(),
        "hello_reply": frame(kind=2, operation=1, serial=1, data=chosen + server_proof).hex(),
        "authenticate": frame(operation=2, serial=2, data=client_proof).hex(),
        "authenticate_reply": frame(kind=2, operation=2, serial=2).hex(),
        "agreed": {"version": 2, "window": 32, "max_data": 4259840, "features": 7},
        "wrong_hellos": [
            {"name": name, "status": status, "hex": frame(operation=1, serial=1, data=data).hex()}
            for name, status, data in (
                ("no data", 11, b""),
                ("cut short", 11, said[:-1]),
                ("only version 1", 12, number(1, 2) + number(1, 2) + said[4:]),
                ("only versions to come", 12, number(3, 2) + number(9, 2) + said[4:]),
                ("lowest above highest", 12, number(2, 2) + number(1, 2) + said[4:]),
            )
        ],
        "wrong_proofs": [
            {"name": name, "hex": frame(operation=2, serial=2, data=data).hex()}
            for name, data in (
                ("the server's own", server_proof),
                ("cut short", client_proof[:-1]),
                ("too long", client_proof + b"\0"),
                ("nothing", b""),
            )
        ],
    }


def write(name: str, content: Any) -> None:
    """As a file that can be read and compared."""
    (HERE / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    write("frames", {"valid": VALID, "invalid": INVALID})
    write("handshake", handshake())
    write("conversation", record())
