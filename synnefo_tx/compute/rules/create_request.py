"""
A body of POST /servers, checked and read.  Pure.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import string
from typing import Any

from attrs import frozen

from synnefo_tx.compute.rules.block_devices import DiskWish, read_disks
from synnefo_tx.compute.rules.parameters import (
    address_or_none,
    is_true,
    refuse_certificates,
)
from synnefo_tx.compute.rules.server_schemas import create_schema
from synnefo_tx.compute.rules.validation import is_uuid
from synnefo_tx.errors import BadRequest, OverQuota
from synnefo_tx.http.microversions import Version

MAX_FILES = 5
MAX_FILE_PATH = 255
MAX_FILE_BYTES = 10240
MAX_HOSTNAME = 63
MAX_DIGITS = 18  # of a number sent as a string


@frozen
class NetworkWish:
    """
    One NIC asked for: a network's id (with an address), or a port's.
    """

    network_id: str | None
    fixed_ip: str | None
    port_id: str | None
    tag: str | None = None


@frozen(kw_only=True)
class ServerRequest:
    """
    networks: None leaves the choice to us; `must_have_network` then forbids a server without.
    """

    name: str
    description: str | None
    hostname: str | None
    flavor_id: str
    image_id: str
    disks: tuple[DiskWish, ...]
    key_name: str | None
    metadata: dict[str, str]
    tags: tuple[str, ...]
    user_data: str | None
    config_drive: bool
    networks: tuple[NetworkWish, ...] | None
    must_have_network: bool
    min_count: int
    max_count: int
    availability_zone: str | None
    security_groups: tuple[str, ...]
    admin_password: str
    access_ipv4: str | None
    access_ipv6: str | None
    disk_config: str
    files: tuple[tuple[str, bytes], ...]
    wants_reservation: bool

    def decoded_user_data(self) -> bytes | None:
        """
        The user data's bytes.
        """
        return None if self.user_data is None else base64.b64decode(self.user_data)


def read_request(body: object, version: Version) -> ServerRequest:
    """
    Raises BadRequest, or OverQuota for too many files.
    """
    server: dict[str, Any] = create_schema(version).check(body)["server"]
    least = _count(server.get("min_count", 1))
    most = _count(server.get("max_count", least))
    if least > most:
        raise BadRequest("min_count must be <= max_count")
    _check_place(server)
    metadata = server.get("metadata", {})
    networks = server.get("networks")
    name = server["name"].strip()
    return ServerRequest(
        name=name,
        description=server.get("description") if version >= (2, 19) else name,
        hostname=server.get("hostname"),
        flavor_id=str(server["flavorRef"]).rsplit("/", 1)[-1],
        image_id=server.get("imageRef") or "",
        disks=read_disks(server, most),
        key_name=server.get("key_name"),
        metadata=metadata,
        tags=tuple(sorted(set(server.get("tags", ())))),
        user_data=user_data_of(server),
        config_drive=is_true(server.get("config_drive", False)),
        networks=_networks(networks, most),
        must_have_network=networks == "auto",
        min_count=least,
        max_count=most,
        availability_zone=server.get("availability_zone"),
        security_groups=_security_groups(server),
        admin_password=server.get("adminPass") or random_password(),
        access_ipv4=address_or_none(server.get("accessIPv4")),
        access_ipv6=address_or_none(server.get("accessIPv6")),
        disk_config=server.get("OS-DCF:diskConfig", "MANUAL"),
        files=files_of(server),
        wants_reservation=is_true(server.get("return_reservation_id", False)),
    )


def random_password(length: int = 12) -> str:
    """
    Letters and digits with at least one of each kind, as Nova makes them.
    """
    while True:
        made = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))
        kinds = (str.islower, str.isupper, str.isdigit)
        if all(any(kind(char) for char in made) for kind in kinds):
            return made


def hostname_of(name: str, server_id: str) -> str:
    """
    A host's name made from a server's, as Nova does it.
    """
    made = name.encode("latin-1", "ignore").decode("latin-1")
    made = re.sub(r"[ _.]", "-", made)
    made = re.sub(r"[^\w.-]+", "", made, flags=re.ASCII).lower().strip(".-")
    return made[:MAX_HOSTNAME].rstrip("-") or f"server-{server_id}"


def _count(asked: int | str) -> int:
    if isinstance(asked, str) and len(asked) > MAX_DIGITS:
        raise BadRequest(f"Value {asked[:MAX_DIGITS]}... is too large.")
    return int(asked)


def user_data_of(server: dict[str, Any]) -> str | None:
    """
    As sent, once it is known to be base 64.  Raises BadRequest.
    """
    text: str | None = server.get("user_data")
    if text is None:
        return None
    try:
        base64.b64decode("".join(text.split()).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise BadRequest("User data needs to be valid base 64.") from error
    return text


def _networks(asked: Any, most: int) -> tuple[NetworkWish, ...] | None:
    if asked == "none":
        return ()
    if not asked or asked == "auto":
        return None
    wishes = tuple(_network(item) for item in asked)
    if most > 1 and any(wish.port_id for wish in wishes):
        raise BadRequest(
            "Unable to launch multiple instances with a single configured port ID. Please launch "
            "your instance one by one with different ports."
        )
    if most > 1 and any(wish.fixed_ip for wish in wishes):
        raise BadRequest(
            "Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is "
            "specified."
        )
    return wishes


def _network(item: dict[str, Any]) -> NetworkWish:
    port, address = item.get("port"), item.get("fixed_ip")
    if port:
        if address:
            raise BadRequest(
                f"Specified Fixed IP '{address}' cannot be used with port '{port}': the two "
                "cannot be specified together."
            )
        return NetworkWish(None, None, port, item.get("tag"))
    if "uuid" not in item:
        raise BadRequest("Bad network format: missing 'uuid'")
    if not is_uuid(item["uuid"]):
        raise BadRequest(
            f"Bad networks format: network uuid is not in proper format ({item['uuid']})"
        )
    return NetworkWish(item["uuid"], address, None, item.get("tag"))


def _security_groups(server: dict[str, Any]) -> tuple[str, ...]:
    asked = {group["name"] for group in server.get("security_groups", ()) if group.get("name")}
    return tuple(sorted(asked)) or ("default",)


def files_of(server: dict[str, Any]) -> tuple[tuple[str, bytes], ...]:
    """
    Path and content of each file of its personality.  Raises BadRequest or OverQuota.
    """
    asked = server.get("personality", ())
    if len(asked) > MAX_FILES:
        raise OverQuota("Personality file limit exceeded")
    files = []
    for item in asked:
        for part in ("path", "contents"):
            if part not in item:
                raise BadRequest(f"Bad personality format: missing {part}")
        content = base64.b64decode(item["contents"])
        if len(item["path"]) > MAX_FILE_PATH:
            raise OverQuota("Personality file path exceeds maximum length")
        if len(content) > MAX_FILE_BYTES:
            raise OverQuota("Personality file content exceeds maximum size")
        files.append((item["path"], content))
    return tuple(files)


def _check_place(server: dict[str, Any]) -> None:
    refuse_certificates(server)
    for forced in ("host", "hypervisor_hostname"):
        if server.get(forced):
            raise BadRequest(f"Compute host {server[forced]} could not be found.")
