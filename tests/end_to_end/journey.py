"""
The main job, as a user does it: upload an image, boot a guest, use it, delete it, leave nothing.

Shared by the test of the four daemons and the test of `twistd synnefo`.
"""

from __future__ import annotations

import base64
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.live.cloud import Cloud, eventually

MARK = "the-user-data-ran"
USER_DATA = f"#!/bin/sh\necho {MARK}-$((40 + 2))\n"


class Journey:
    """One user's way through one cloud.  All methods block."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.conn: Any = cloud.connect()
        self.key = cloud.home / "key"
        self.times: dict[str, float] = {}

    def make_key(self) -> str:
        """The name of a new key pair, whose private half is in `self.key`."""
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True
        )
        public = self.key.with_suffix(".pub").read_text().strip()
        return str(self.conn.compute.create_keypair(name="journey", public_key=public).name)

    def upload(self, path: Path, disk_format: str = "raw") -> Any:
        """A new active image with the bytes of `path`."""
        image = self.conn.image.create_image(
            name=f"journey-{disk_format}",
            filename=str(path),
            disk_format=disk_format,
            container_format="bare",
            wait=True,
            timeout=60,
        )
        return self.conn.image.get_image(image.id)

    def boot(self, image: Any, key_name: str | None = None, name: str = "journey") -> Any:
        """An ACTIVE server; the time it took is kept."""
        flavor = self.conn.compute.find_flavor("tiny", ignore_missing=False)
        begun = time.monotonic()
        more = {"key_name": key_name} if key_name else {}
        server = self.conn.compute.create_server(
            name=name,
            image_id=image.id,
            flavor_id=flavor.id,
            user_data=base64.b64encode(USER_DATA.encode()).decode(),
            networks="auto",
            **more,
        )
        self.times["begun"] = begun
        server = self.wait_for(server, "ACTIVE")
        self.times["active"] = time.monotonic() - begun
        return server

    def wait_for(self, server: Any, status: str, within_s: float = 30) -> Any:
        """The server once it has `status`."""

        def there() -> Any:
            found = self.conn.compute.get_server(server.id)
            if found.status == "ERROR" and status != "ERROR":
                raise AssertionError(f"server is in error: {found.fault}\n{self.cloud.logs()}")
            return found if found.status == status else None

        try:
            return eventually(there, within_s, f"server is {status}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.cloud.logs()}") from None

    def console_says(self, server: Any, text: str, within_s: float) -> None:
        """Waits until the server's console output has `text`."""

        def said() -> bool:
            output = self.conn.compute.get_server_console_output(server.id)["output"]
            return text in output

        eventually(said, within_s, f"console says {text}")

    def address(self, server: Any) -> str:
        """The guest's fixed address."""
        found = self.conn.compute.get_server(server.id)
        return str(next(iter(found.addresses.values()))[0]["addr"])

    def banner(self, address: str, within_s: int = 15) -> bool:
        """Whether the guest's SSH server greets."""
        ask = f"exec 3<>/dev/tcp/{address}/22 && timeout 10 head -c 4 <&3"
        said = subprocess.run(
            self.cloud.in_network("timeout", str(within_s), "bash", "-c", ask),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return said.stdout == b"SSH-"

    def ssh(self, address: str, command: str) -> str:
        """What `command` prints in the guest."""
        said = subprocess.run(
            self.cloud.in_network(
                "ssh",
                "-i",
                str(self.key),
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-o",
                "LogLevel=ERROR",
                "-o",
                "BatchMode=yes",
                "-o",
                "ConnectTimeout=10",
                f"root@{address}",
                command,
            ),
            capture_output=True,
            check=False,
            timeout=60,
        )
        if said.returncode:
            raise AssertionError(f"ssh: {said.stderr.decode()}")
        return said.stdout.decode()

    def delete(self, server: Any) -> None:
        """The server is gone, for its owner too."""
        self.conn.compute.delete_server(server.id)
        self.conn.compute.wait_for_delete(server, interval=0.1, wait=30)
