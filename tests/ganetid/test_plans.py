"""Plans as data: networks, packet rules, routes, users."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pycdlib
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.console.serial_log import last_lines, shorten
from ganetid.guest.config_drive import BadConfigDrive, write_config_drive
from ganetid.network import plan, tap_plan
from ganetid.network.links import Link
from ganetid.network.names import table_name, tap_prefix
from ganetid.network.plan import Bridge
from ganetid.rapi.faults import Fault
from ganetid.rapi.routes import RESOURCES, match

QUESTIONS = ("/2/query/", "/2/placement")  # asked by PUT or POST, they change nothing


class BridgePlanTests(SynchronousTestCase):
    """What has to be done for a bridge."""

    WANTED = Bridge("br7", ("10.0.0.1/24",))

    def test_absent(self) -> None:
        """An absent bridge is made, gets the gateway's address, and is set up."""
        lines = plan.make_bridge(self.WANTED, {})
        verbs = [line.split()[:2] for line in lines]
        self.assertEqual(
            verbs, [["link", "add"], ["link", "set"], ["link", "set"], ["address", "add"]]
        )

    def test_there(self) -> None:
        """Nothing is done for one that is as it should be; what is missing is added."""
        there = Link("br7", "bridge", True, frozenset({"10.0.0.1/24"}))
        self.assertEqual(plan.make_bridge(self.WANTED, {"br7": there}), ())
        bare = Link("br7", "bridge", True)
        self.assertEqual(
            plan.make_bridge(self.WANTED, {"br7": bare}), ("address add 10.0.0.1/24 dev br7",)
        )

    def test_strays(self) -> None:
        """Only taps of ours without a guest are strays."""
        ours, theirs = f"{tap_prefix('c')}0123", f"{tap_prefix('d')}0123"
        links = ["eth0", "tap0", ours, f"{ours}4", theirs]
        self.assertEqual(tap_plan.stray_taps("c", links, {f"{ours}4"}), (ours,))

    @given(st.text(max_size=30))
    def test_table_name(self, cluster: str) -> None:
        """A table's name holds nothing that nft could read as more than a name."""
        self.assertRegex(table_name(cluster), r"\A[a-z]+_[A-Za-z0-9_]*\Z")


class RouteTests(SynchronousTestCase):
    """Paths and verbs."""

    def test_every_resource(self) -> None:
        """Each path is found by its own pattern, with its variable parts."""
        for path, verbs in RESOURCES.items():
            concrete = path.replace("{name}", "snf-1.x_y").replace("{id}", "12")
            concrete = concrete.replace("{nic}", "0")
            for method, verb in verbs.items():
                self.assertIs(match(method, concrete).verb, verb, path)

    def test_writes_need_write(self) -> None:
        """Whatever changes something needs the right to write; questions with a body don't."""
        for path, verbs in RESOURCES.items():
            for method, verb in verbs.items():
                if method != "GET" and not path.startswith(QUESTIONS):
                    self.assertEqual(verb.access, {"write"}, path)

    def test_unknown(self) -> None:
        """An unknown path is a 404, an unknown verb a 501."""
        for method, path, status in (
            ("GET", "/2/instances/a/b", 404),
            ("GET", "/2/instances/a%2fb", 404),
            ("PATCH", "/2/instances", 501),
        ):
            with self.assertRaises(Fault) as caught:
                match(method, path)
            self.assertEqual(caught.exception.status, status)


class ConfigDriveTests(SynchronousTestCase):
    """The ISO image."""

    def test_read_back(self) -> None:
        """Its files are found by their long names, and it is for its owner alone."""
        files = {
            "openstack/latest/meta_data.json": b"{}",
            "openstack/latest/user_data": b"#cloud-config\n" * 1000,
            "openstack/content/0000": b"\0\1",
            "ec2/latest/meta-data.json": b"",
        }
        path = Path(self.mktemp())
        write_config_drive(path, files)
        write_config_drive(path, files)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        image = pycdlib.PyCdlib()
        image.open(str(path))
        self.addCleanup(image.close)
        self.assertEqual(image.pvd.volume_identifier.rstrip(), b"config-2")
        for name, content in files.items():
            for kind in ("rr_path", "joliet_path"):
                target = Path(self.mktemp())
                image.get_file_from_iso(str(target), **{kind: f"/{name}"})
                self.assertEqual(target.read_bytes(), content, (kind, name))

    def test_bad_paths(self) -> None:
        """A path that leads out of the image, or that it can't hold, is refused."""
        for name in ("../x", "a/../../x", "", "x" * 65, "/".join("abcdefghi")):
            path = Path(self.mktemp())
            self.assertRaises(BadConfigDrive, write_config_drive, path, {name: b""})
            self.assertFalse(path.exists())


class SerialLogTests(SynchronousTestCase):
    """The serial console's log."""

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = self.directory / "log"

    def test_last_lines(self) -> None:
        """The last lines, all of them, or none."""
        self.path.write_bytes(b"one\r\ntwo\r\nthree\r\n")
        self.assertEqual(last_lines(self.path, 2), "two\nthree\n")
        self.assertEqual(last_lines(self.path, None), "one\ntwo\nthree\n")
        self.assertEqual(last_lines(self.path, 0), "")
        self.assertEqual(last_lines(self.directory / "absent", 5), "")

    def test_bounded(self) -> None:
        """Of a huge log at most 1 MiB is answered."""
        self.path.write_bytes(b"x" * (3 * 1024 * 1024))
        self.assertEqual(len(last_lines(self.path, None)), 1024 * 1024)

    def test_shorten(self) -> None:
        """A log over its bound keeps its end, and a writer that appends goes on after it."""
        with self.path.open("ab", buffering=0) as writer:
            writer.write(b"old" * 100 + b"tail")
            self.assertTrue(shorten(self.path, 16))
            writer.write(b"new")
        self.assertEqual(self.path.read_bytes(), b"tailnew")
        self.assertFalse(shorten(self.path, 16))
