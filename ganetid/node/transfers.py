"""
Disks' content between clusters: over TLS, to a listener for each disk, in Ganeti's form.

Both ends show a certificate that was made for this transfer alone, and trust the other's alone.
First comes ``M=<magic>``, then the raw content; where both say so all of it is packed by gzip.
Source: Ganeti 3.0.2, lib/impexpd; socat at its ends is what this stands in for.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import uuid
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from twisted.internet.defer import Deferred
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    trustRootFromCertificates,
)
from twisted.internet.threads import deferToThread

from ganetid.cluster.model import Disk, Instance
from ganetid.disks.interface import MIB
from ganetid.hypervisor.interface import Drive
from ganetid.node.transfer_ends import Listener, Receiving, Sending
from ganetid.opcodes.errors import OpExecError
from ganetid.os.task import ReachedDisk
from synnefo_tx.daemon.private_files import write_private

VALID = dt.timedelta(hours=24)  # Ganeti's RIE_CERT_VALIDITY
CONNECT_S = 20.0
PACKED = frozenset({"gzip", "gzip-fast", "gzip-slow"})
Reach = Callable[[tuple[Drive, ...]], AbstractAsyncContextManager[tuple[ReachedDisk, ...]]]
Activate = Callable[[Instance, Disk], Any]


@frozen
class TransferKey:
    """A key that was made for a transfer: its name on this node, and its certificate, PEM."""

    name: str
    certificate: str


@frozen
class Channel:
    """
    How one disk is sent.  key: name of ours.  peer: the other's certificate, PEM.

    magic: what comes first.  compress: Ganeti's name of the program, or none.
    """

    key: str
    peer: str
    magic: str
    compress: str = "none"


class Transfers:
    """
    A node's keys and transfers.

    directory: of keys.  reach: shows drives as files.  activate: makes a disk usable.
    """

    def __init__(self, reactor: Any, directory: Path, reach: Reach, activate: Activate) -> None:
        self._reactor = reactor
        self._directory = directory
        self._reach = reach
        self._activate = activate
        self._ports: dict[str, list[tuple[Any, Receiving]]] = {}
        self._coming: dict[str, Receiving] = {}

    async def new_key(self) -> TransferKey:
        """A key with a certificate for a day."""
        name = f"x509-{uuid.uuid4()}"
        certificate = await deferToThread(self._make_key, name, dt.datetime.now(dt.UTC))
        return TransferKey(name, certificate)

    async def listen(self, instance: Instance, disk: Disk, host: str, channel: Channel) -> int:
        """The port where the disk's content is awaited from now on.  Raises OpExecError."""
        options = await self._options(channel)
        coming = Receiving(self._reactor, channel.magic, disk.size_mib * MIB, _unpacker(channel))
        port = self._reactor.listenSSL(0, Listener(coming), options, interface=host)
        self._ports.setdefault(channel.key, []).append((port, coming))
        self._coming[disk.uuid] = coming
        writing = Deferred.fromCoroutine(self._receive(instance, disk, coming))
        writing.addCallbacks(coming.succeeded, coming.failed)
        number: int = port.getHost().port
        return number

    async def received(self, disk: Disk, timeout_s: float) -> None:
        """
        When all of the disk's content is on stable storage.

        timeout_s: for its sender to come.  Raises OpExecError.
        """
        coming = self._coming.pop(disk.uuid, None)
        if coming is None:
            raise OpExecError(f"Nothing is awaited for disk {disk.name}")
        await coming.done(timeout_s)

    async def send(
        self, instance: Instance, disk: Disk, host: str, port: int, channel: Channel
    ) -> None:
        """Send a disk's content.  Raises OpExecError."""
        options = await self._options(channel)
        async with self._file(instance, disk) as path:
            going = Sending(path, channel.magic, disk.size_mib * MIB, _packer(channel))
            self._reactor.connectSSL(host, port, going.factory(), options, timeout=CONNECT_S)
            await going.done

    async def end(self, key: str) -> None:
        """The key goes, and whatever listens under it."""
        await self._stop(key)
        if "/" not in key and key.startswith("x509-"):
            await deferToThread(shutil.rmtree, self._directory / key, ignore_errors=True)

    async def close(self) -> None:
        """Await nothing more; keys stay, for jobs that go on after a restart."""
        for name in list(self._ports):
            await self._stop(name)

    async def _stop(self, key: str) -> None:
        for port, coming in self._ports.pop(key, []):
            await port.stopListening()
            coming.forget()

    def _remove_expired(self, now: dt.datetime) -> None:
        """Keys of transfers that never came about.  Blocks."""
        for place in self._directory.glob("x509-*"):
            if now.timestamp() - place.stat().st_mtime > VALID.total_seconds():
                shutil.rmtree(place, ignore_errors=True)

    async def _receive(self, instance: Instance, disk: Disk, coming: Receiving) -> None:
        async with self._file(instance, disk) as path:
            handle = await deferToThread(os.open, path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                await coming.write_to(handle)
            finally:
                await deferToThread(os.close, handle)

    @contextlib.asynccontextmanager
    async def _file(self, instance: Instance, disk: Disk) -> AsyncIterator[str]:
        try:
            drive: Drive = await self._activate(instance, disk)
            async with self._reach((drive,)) as (reached,):
                if reached.path is None:
                    raise OpExecError(f"Disk {disk.name} has no file or device to copy")
                yield reached.path
        except (OSError, zlib.error) as error:
            raise OpExecError(f"Can't use disk {disk.name}: {error}") from error

    async def _options(self, channel: Channel) -> CertificateOptions:
        """Our certificate, and trust in the other's alone.  Raises OpExecError."""
        try:
            pem = await deferToThread((self._place(channel.key) / "key.pem").read_bytes)
        except OSError as error:
            raise OpExecError(f"There is no X509 key '{channel.key}' on this node") from error
        own = PrivateCertificate.loadPEM(pem)
        trusted = trustRootFromCertificates([Certificate.loadPEM(channel.peer.encode())])
        return CertificateOptions(
            privateKey=own.privateKey.original, certificate=own.original, trustRoot=trusted
        )

    def _place(self, key: str) -> Path:
        if "/" in key or not key.startswith("x509-"):
            raise OpExecError(f"'{key}' is no name of an X509 key")
        return self._directory / key

    def _make_key(self, name: str, now: dt.datetime) -> str:
        """Its certificate, PEM.  Blocks."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=10))
            .not_valid_after(now + VALID)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        self._remove_expired(now)
        place = self._place(name)
        place.mkdir(mode=0o700, parents=True)
        pem = certificate.public_bytes(Encoding.PEM).decode("ascii")
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(place / "key.pem", private.decode("ascii") + pem)
        return pem


def _packer(channel: Channel) -> Any:
    _require_known(channel)
    return zlib.compressobj(1, wbits=31) if channel.compress in PACKED else None


def _unpacker(channel: Channel) -> Callable[[], Any] | None:
    _require_known(channel)
    return partial(zlib.decompressobj, wbits=31) if channel.compress in PACKED else None


def _require_known(channel: Channel) -> None:
    if channel.compress != "none" and channel.compress not in PACKED:
        raise OpExecError(f"Compression tool '{channel.compress}' is not known here")
