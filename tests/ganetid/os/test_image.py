"""
The operating system of images: clones, copies, seeds, and what is told meanwhile.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pycdlib
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ganetid.cluster.model import Disk, Instance
from ganetid.cluster.wiring import NetworkOptions, NicPort
from ganetid.disks.archipelago import Archipelago
from ganetid.disks.blocks import MemoryBlocks, MemoryVolume
from ganetid.disks.ext import ExtTemplate
from ganetid.disks.files import FileTemplate
from ganetid.guest.config_drive import write_config_drive
from ganetid.opcodes.errors import OpExecError, OpPrereqError
from ganetid.os.disk_files import DiskFiles
from ganetid.os.guest_facts import Address, GuestFacts, Interface, interfaces_of
from ganetid.os.image import ImageSystem
from ganetid.os.network_data import openstack, version_1, version_2
from ganetid.os.progress import copied, of_instance, said_by_script
from ganetid.os.scripted import ScriptedSystems
from ganetid.os.seed import NO_CLOUD_LABEL, Files, config_drive, no_cloud
from ganetid.os.systems import Listeners, OperatingSystems
from ganetid.os.task import OsTask
from ganetid.scripts.logged import Logbook
from tests.archipelagod.running import StorageCase
from tests.ganetid.os.system import INSTANCE, NETWORK

MIB = 1024 * 1024
SIX = evolve(NETWORK, name="six", uuid="six-u", network6="fd00::/64", gateway6="fd00::1")


class ProgressTests(SynchronousTestCase):
    """Synnefo's words."""

    def test_published(self) -> None:
        """A message is as snf-progress-monitor would send it."""
        body = of_instance(copied(335547996, 474398720, 1.5), "snf-7", 1378914869.25)
        self.assertEqual(
            body,
            {
                "type": "image-copy-progress",
                "position": 335547996,
                "total": 474398720,
                "progress": 70.73,
                "timestamp": 1.5,
                "event_time": [1378914869, 250000],
                "instance": "snf-7",
            },
        )

    def test_scripts(self) -> None:
        """Of what a script says just progress is told; anything else is a line like others."""
        line = '{"type": "image-helper", "subtype": "task-start", "task": "X", "timestamp": 1}'
        self.assertEqual(said_by_script(line, 2.0), json.loads(line))
        for other in ("", "x", "{", "[]", "{}", '{"type": "op"}', "{" * 100000, '{"type": []}'):
            self.assertIsNone(said_by_script(other, 2.0))


class NetworkDataTests(SynchronousTestCase):
    """How a guest sets up its network."""

    def setUp(self) -> None:
        nic = INSTANCE.nics[0]
        nics = (nic, evolve(nic, mac="aa:00:01:00:00:02", ip="10.1.0.6", network="six"),
                evolve(nic, mac="aa:00:01:00:00:03", ip=None, network=None))  # fmt: skip
        networks = {"net": NETWORK, "six": SIX}
        interfaces = interfaces_of(evolve(INSTANCE, nics=nics), networks, 1450)
        self.facts = GuestFacts("u", "h", interfaces, dns=("9.9.9.9",))

    def test_one_way_out(self) -> None:
        """Just the first NIC with a gateway has the default route."""
        first, second, third = self.facts.interfaces
        self.assertEqual(first.addresses, (Address("10.1.0.5", 24, "10.1.0.1"),))
        self.assertEqual(second.addresses, (Address("10.1.0.6", 24, None),))
        self.assertTrue(second.accepts_advertisements)
        self.assertEqual((third.name, third.addresses), ("eth2", ()))

    def test_more_addresses(self) -> None:
        """All addresses of a NIC, the first of each version with its gateway; its own MTU."""
        port = NicPort(ips=("10.1.0.9", "fd00::9"), mtu=1300)
        nic = evolve(INSTANCE.nics[0], port=port)
        network = evolve(NETWORK, network6="fd00::/64", gateway6="fd00::1",
                         options=NetworkOptions(mtu=1400))  # fmt: skip
        (told,) = interfaces_of(evolve(INSTANCE, nics=(nic,)), {"net": network})
        expected = (Address("10.1.0.5", 24, "10.1.0.1"), Address("10.1.0.9", 24),
                    Address("fd00::9", 64, "fd00::1"))  # fmt: skip
        self.assertEqual((told.addresses, told.mtu), (expected, 1300))
        (told,) = interfaces_of(evolve(INSTANCE, nics=(evolve(nic, port=NicPort()),)),
                                {"net": network})  # fmt: skip
        self.assertEqual(told.mtu, 1400)

    def test_openstack(self) -> None:
        """network_data.json."""
        document = openstack(self.facts)
        self.assertEqual(
            document["links"][0],
            {
                "id": "eth0",
                "type": "phy",
                "ethernet_mac_address": "aa:00:01:00:00:01",
                "mtu": 1450,
            },
        )
        route = {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.1.0.1"}
        self.assertEqual(
            document["networks"],
            [
                {
                    "id": "eth0-0",
                    "link": "eth0",
                    "network_id": "n-u",
                    "type": "ipv4",
                    "ip_address": "10.1.0.5",
                    "netmask": "255.255.255.0",
                    "routes": [route],
                },
                {
                    "id": "eth1-0",
                    "link": "eth1",
                    "network_id": "six-u",
                    "type": "ipv4",
                    "ip_address": "10.1.0.6",
                    "netmask": "255.255.255.0",
                    "routes": [],
                },
                {"id": "eth1-ra", "link": "eth1", "network_id": "six-u", "type": "ipv6_slaac"},
                {"id": "eth2-dhcp", "link": "eth2", "network_id": "", "type": "ipv4_dhcp"},
            ],
        )
        self.assertEqual(document["services"], [{"type": "dns", "address": "9.9.9.9"}])

    def test_version_1(self) -> None:
        """cloud-init's version 1."""
        document = version_1(self.facts)
        subnets = [each.get("subnets") for each in document["config"]]
        self.assertEqual(
            subnets,
            [
                [{"type": "static", "address": "10.1.0.5/24", "gateway": "10.1.0.1"}],
                [{"type": "static", "address": "10.1.0.6/24"}, {"type": "ipv6_slaac"}],
                [{"type": "dhcp4"}],
                None,
            ],
        )
        self.assertEqual(document["config"][3], {"type": "nameserver", "address": ["9.9.9.9"]})

    def test_version_2(self) -> None:
        """cloud-init's version 2."""
        ethernets = version_2(self.facts)["ethernets"]
        self.assertEqual(
            ethernets["eth0"],
            {
                "match": {"macaddress": "aa:00:01:00:00:01"},
                "set-name": "eth0",
                "mtu": 1450,
                "addresses": ["10.1.0.5/24"],
                "routes": [{"to": "0.0.0.0/0", "via": "10.1.0.1"}],
                "nameservers": {"addresses": ["9.9.9.9"]},
            },
        )
        self.assertTrue(ethernets["eth1"]["accept-ra"])
        self.assertNotIn("routes", ethernets["eth1"])
        self.assertTrue(ethernets["eth2"]["dhcp4"])

    def test_static_six(self) -> None:
        """An IPv6 address has its prefix and route, and needs no advertisements."""
        address = Address("fd00::5", 64, "fd00::1")
        facts = GuestFacts("u", "h", (Interface("eth0", "m", 1500, (address,), "n", True),))
        (network,) = openstack(facts)["networks"]
        self.assertEqual((network["type"], network["netmask"]), ("ipv6", "ffff:ffff:ffff:ffff::"))
        (subnet,) = version_1(facts)["config"][0]["subnets"]
        self.assertEqual(subnet["type"], "static6")
        routes = version_2(facts)["ethernets"]["eth0"]["routes"]
        self.assertEqual(routes, [{"to": "::/0", "via": "fd00::1"}])


class SeedTests(SynchronousTestCase):
    """What cloud-init reads."""

    facts = GuestFacts(
        "u", "web.example", ssh_keys=("ssh-ed25519 A",), user_data=b"#!/bin/sh\n",
        password_hash="$6$x", meta={"a": "b", "instance-id": "other"},
    )  # fmt: skip

    def test_config_drive(self) -> None:
        """OpenStack's files."""
        files = config_drive(self.facts)
        meta = json.loads(files["openstack/latest/meta_data.json"])
        self.assertEqual((meta["uuid"], meta["name"]), ("u", "web"))
        self.assertEqual(meta["hostname"], "web.example")
        self.assertEqual(meta["public_keys"], {"key-0": "ssh-ed25519 A"})
        self.assertEqual(meta["meta"], self.facts.meta)
        self.assertEqual(files["openstack/latest/user_data"], b"#!/bin/sh\n")
        vendor = json.loads(files["openstack/latest/vendor_data.json"])
        self.assertTrue(vendor["cloud-init"].startswith("#cloud-config\n"))
        self.assertIn("$6$x", vendor["cloud-init"])

    def test_no_cloud(self) -> None:
        """NoCloud's files, in an ISO with NoCloud's label; an instance's id is never another's."""
        files = no_cloud(self.facts, 1)
        meta = json.loads(files["meta-data"])
        self.assertEqual((meta["instance-id"], meta["local-hostname"]), ("u", "web.example"))
        self.assertEqual(json.loads(files["network-config"])["version"], 1)
        path = Path(self.mktemp()) / "seed.iso"
        write_config_drive(path, files, NO_CLOUD_LABEL)
        image = pycdlib.PyCdlib()
        image.open(str(path))
        self.addCleanup(image.close)
        self.assertEqual(image.pvd.volume_identifier.strip(), b"cidata")
        names = {each.file_identifier().decode("utf-16-be") for each in
                 image.list_children(joliet_path="/") if each.is_file()}  # fmt: skip
        self.assertEqual(names, set(files))

    def test_secrets(self) -> None:
        """What may be secret is not shown."""
        for secret in ("$6$x", "#!/bin/sh"):
            self.assertNotIn(secret, repr(self.facts))


class Bench:
    """A node's image system that writes down what it is to write and tell."""

    def __init__(self, clock: Any, place: Path, nbd_socket: str | None) -> None:
        self.seeds: list[tuple[str, Files, str]] = []
        self.told: list[dict[str, Any]] = []
        logs = Logbook(clock, place / "log")
        image = ImageSystem(logs, nbd_socket, self.write_drive, lambda: 12.5)
        files = DiskFiles(clock, place / "files")
        self.systems = OperatingSystems(ScriptedSystems(logs, (place,)), image, files, lambda: 12.5)
        self.listeners = Listeners(lambda line: None, self.told.append)

    async def write_drive(self, instance: Instance, files: Files, label: str) -> None:
        self.seeds.append((instance.name, files, label))

    def kinds(self) -> list[str]:
        return [str(each.get("task", each["type"])) for each in self.told]


class CloneTests(SynchronousTestCase):
    """Disks of archipelago."""

    def setUp(self) -> None:
        clock, self.blocks = Clock(), MemoryBlocks()
        self.blocks.volumes["image"] = MemoryVolume("image", MIB, read_only=True)
        self.template = ExtTemplate({"archipelago": Archipelago(clock, self.blocks, "/nbd")})
        self.bench = Bench(clock, Path(self.mktemp()), "/nbd")

    def put(self, disk: Disk, reinstall: bool = False, **parameters: str) -> Any:
        instance = evolve(INSTANCE, os_type="image+default", disks=(disk,))
        task = OsTask(instance, networks={"net": NETWORK}, parameters=parameters)
        work = self.bench.systems.create(
            task, self.template, self.bench.listeners, reinstall=reinstall
        )
        return Deferred.fromCoroutine(work)

    def make(self, disk: Disk) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.template.create("web.example", disk)))

    def test_clone_is_there(self) -> None:
        """A disk that was made as a clone is left so, and has its size."""
        disk = Disk("vol", "u", 8, provider="archipelago", params={"origin": "image"})
        self.make(disk)
        made = self.blocks.volumes["vol"]
        self.successResultOf(self.put(disk, img_id="image"))
        self.assertIs(self.blocks.volumes["vol"], made)
        self.assertEqual(self.bench.told[1]["progress"], 100.0)
        kinds = ["image-info", "image-copy-progress", "CloudInitData", "CloudInitData"]
        self.assertEqual(self.bench.kinds(), kinds)
        self.assertEqual([each[2] for each in self.bench.seeds], ["config-2"])

    def test_cloned_now(self) -> None:
        """A disk that was made empty becomes a clone of the image, at its own size."""
        disk = Disk("vol", "u", 8, provider="archipelago")
        self.make(disk)
        self.successResultOf(self.put(disk, img_id="pithosmap://image/1", seed="nocloud"))
        found = self.blocks.volumes["vol"]
        self.assertEqual((found.origin, found.size_bytes), ("image", 8 * MIB))
        self.assertEqual([each[2] for each in self.bench.seeds], ["cidata"])

    def test_reinstall(self) -> None:
        """A reinstall gives it the image's content anew."""
        disk = Disk("vol", "u", 8, provider="archipelago", params={"origin": "image"})
        self.make(disk)
        made = self.blocks.volumes["vol"]
        self.successResultOf(self.put(disk, reinstall=True, seed="none"))
        self.assertIsNot(self.blocks.volumes["vol"], made)
        self.assertEqual(self.bench.seeds, [])

    def test_failure(self) -> None:
        """An image that is not there is an error, and told as one."""
        disk = Disk("vol", "u", 8, provider="archipelago")
        self.make(disk)
        self.failureResultOf(self.put(disk, img_id="absent"), OpExecError)
        self.assertEqual(self.bench.told[-1]["type"], "image-error")
        self.assertIn("absent", self.bench.told[-1]["stderr"])

    def test_verify(self) -> None:
        """Its name needs no variant; its parameters are known; Synnefo's name is another for it."""
        for good in ("image", "image+default", "snf-image+default"):
            work = self.bench.systems.verify(good, {"img_id": "x", "config_url": ""})
            self.successResultOf(Deferred.fromCoroutine(work))
        for os_type, parameters in (("image+x", {}), ("image", {"x": "1"})):
            work = self.bench.systems.verify(os_type, parameters)
            self.failureResultOf(Deferred.fromCoroutine(work), OpPrereqError)


class CopyTests(StorageCase):
    """Disks that can't be clones, and a real archipelagod."""

    timeout = 90

    def test_copied(self) -> Deferred[None]:
        """An image is copied to a disk in a file, which it does not fill; progress is told."""

        async def check() -> None:
            if shutil.which("qemu-img") is None:
                raise SkipTest("there is no qemu-img")
            await self.serve()
            client = self.client()
            await client.create("image", 8 * MIB)
            await self.qemu_io("image", "write -P 0x5a 1M 4M")
            await client.seal("image")
            place = Path(tempfile.mkdtemp(prefix="img"))
            self.addCleanup(shutil.rmtree, place)
            bench = Bench(reactor, place, self.nbd_socket)
            template = FileTemplate(place / "disks")
            disk = Disk("vol", "u", 16)
            instance = evolve(INSTANCE, os_type="image", disk_template="file", disks=(disk,))
            await template.create(instance.name, disk)
            task = OsTask(instance, parameters={"img_id": "image"})
            await bench.systems.create(task, template, bench.listeners)
            content = Path(template.drive(instance.name, disk).path).read_bytes()
            self.assertEqual(len(content), 16 * MIB)
            self.assertEqual(content[MIB : 5 * MIB], b"\x5a" * 4 * MIB)
            self.assertEqual(content.count(0), 12 * MIB)
            told = [each["progress"] for each in bench.told if "progress" in each]
            self.assertEqual((told, told[-1]), (sorted(told), 100.0))
            self.assertGreater(len(told), 1)
            too_small = evolve(instance, disks=(evolve(disk, name="small", size_mib=4),))
            await template.create(instance.name, too_small.disks[0])
            work = bench.systems.create(evolve(task, instance=too_small), template, bench.listeners)
            error = await self.assertFailure(Deferred.fromCoroutine(work), OpExecError)
            self.assertIn(f"see {place}/log/image-web.example-", error.args[0])

        return Deferred.fromCoroutine(check())
