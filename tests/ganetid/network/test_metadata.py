"""Metadata as documents: what is at which path."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.guest.config_drive import write_config_drive
from ganetid.guest.metadata import documents
from ganetid.guest.metadata_drive import metadata_of_drive
from ganetid.guest.metadata_service import look_up
from ganetid.network.ports import FloatingAddress, NetworkPlan, PortPlan

FILES = {
    "openstack/latest/meta_data.json": json.dumps(
        {
            "uuid": "u-1",
            "hostname": "h",
            "admin_pass": "x",
            "public_keys": {"mine": "ssh-ed25519 A"},
        }
    ).encode(),
    "openstack/latest/user_data": b"#!/bin/sh\n",
}
PORT = PortPlan(
    "uuid-1", "fa:16:3e:00:00:01", ("10.0.0.5", "fd00::5"), "net", host_name="h", mtu=1400,
    floating=(FloatingAddress("192.0.2.7", "10.0.0.5"),), instance_uuid="u-1",
)  # fmt: skip
NETWORKS = {"net": NetworkPlan("net", "br0", subnet6="fd00::/64", dns=("192.0.2.53",))}


class DocumentTests(SynchronousTestCase):
    """The three forms."""

    def setUp(self) -> None:
        self.told = documents(FILES, (PORT,), NETWORKS)

    def at(self, path: str) -> str | None:
        found = look_up(self.told, path)
        return None if found is None else found.decode()

    def test_ec2(self) -> None:
        """EC2's tree, in any of its versions; listings mark folders with a slash."""
        for path, content in (
            ("/latest/meta-data/instance-id", "u-1"),
            ("/2009-04-04/meta-data/local-ipv4", "10.0.0.5"),
            ("/latest/meta-data/public-ipv4", "192.0.2.7"),
            ("/latest/meta-data/public-keys/", "0=mine"),
            ("/latest/meta-data/public-keys/0/openssh-key", "ssh-ed25519 A"),
            ("/latest/user-data", "#!/bin/sh\n"),
            ("/latest/meta-data/network/interfaces/macs/", "fa:16:3e:00:00:01/"),
            ("/latest", "meta-data/\nuser-data"),
            ("/latest/nothing", None),
        ):
            self.assertEqual(self.at(path), content, path)

    def test_openstack(self) -> None:
        """OpenStack's files, with the NICs; no password."""
        self.assertEqual(self.at("/openstack"), "latest")
        meta = json.loads(self.at("/openstack/2018-08-27/meta_data.json") or "")
        self.assertEqual(meta["uuid"], "u-1")
        self.assertNotIn("admin_pass", meta)
        network = json.loads(self.at("/openstack/latest/network_data.json") or "")
        self.assertEqual(
            [each["type"] for each in network["networks"]], ["ipv4_dhcp", "ipv6_slaac"]
        )
        self.assertEqual(network["links"][0]["mtu"], 1400)
        self.assertEqual(network["services"], [{"type": "dns", "address": "192.0.2.53"}])

    def test_nocloud(self) -> None:
        """NoCloud's four files."""
        self.assertEqual(json.loads(self.at("/nocloud/meta-data") or "")["instance-id"], "u-1")
        config = json.loads(self.at("/nocloud/network-config") or "")
        self.assertEqual(config["ethernets"]["nic0"]["match"], {"macaddress": PORT.mac})
        self.assertEqual(self.at("/nocloud/user-data"), "#!/bin/sh\n")

    def test_from_drive(self) -> None:
        """What is read back from a config drive is told; without a drive, what the NICs tell."""
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        write_config_drive(directory / "config.iso", FILES)
        self.assertEqual(metadata_of_drive(directory / "config.iso", (PORT,), NETWORKS), self.told)
        bare = metadata_of_drive(directory / "absent", (PORT,))
        self.assertEqual(look_up(bare, "/latest/meta-data/instance-id"), b"u-1")

    @given(st.text(max_size=60))
    def test_any_path(self, path: str) -> None:
        """Whatever is asked is a document, a listing of documents, or nothing."""
        found = look_up(self.told_of(), path)
        self.assertTrue(found is None or isinstance(found, bytes))
        if found is not None:
            self.assertNotIn(b"admin_pass", found)

    def told_of(self) -> dict[str, bytes]:
        return documents(FILES, (PORT,), NETWORKS)
