"""
Volumes: made, shown, changed and deleted, with what storage and quota have of them.
"""

from __future__ import annotations

from archipelagod.wire.errors import NoSpace, StorageUnavailable
from synnefo_tx.quota.registered import GIB
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BOB, IMAGE, READER
from tests.synnefo_tx.volume.cloud import VolumesCase

SOMETHING = "99999999-9999-4999-8999-999999999999"


class CreateTests(VolumesCase):
    def test_answer(self) -> None:
        """What is asked for is told at once, and made after that."""
        body = {"volume": {"size": "2", "name": " v ", "description": "d", "metadata": {"a": "b"}}}
        made = self.good("POST", "/volumes", body)["volume"]
        wanted = {"status": "creating", "size": 2, "name": "v", "description": "d"}
        self.assertEqual({name: made[name] for name in wanted}, wanted)
        self.assertEqual((made["bootable"], made["metadata"]), ("false", {"a": "b"}))
        self.assertNotIn("os-vol-tenant-attr:tenant_id", made)
        self.settle()
        shown = self.show(made["id"])
        self.assertEqual(
            (shown["status"], shown["os-vol-tenant-attr:tenant_id"]), ("available", "project-alice")
        )
        self.assertEqual(self.block(made["id"]).size, 2 * GIB)
        self.assertEqual(self.cloud.used(), {"volumes": 1, "gigabytes": 2})

    def test_of_an_image(self) -> None:
        """Its content, its facts, and a boot disk."""
        volume_id = self.create(size=3, imageRef=IMAGE)
        self.assertEqual(
            (self.block(volume_id).content, self.block(volume_id).size), ("guest", 3 * GIB)
        )
        shown = self.show(volume_id)
        self.assertEqual(shown["bootable"], "true")
        self.assertEqual(shown["volume_image_metadata"]["image_id"], IMAGE)

    def test_of_a_volume(self) -> None:
        """Its present content, and nothing is left between them."""
        first = self.create()
        self.block(first).content = "written"
        second = self.create(size=2, source_volid=first)
        self.block(first).content = "later"
        self.assertEqual(
            (self.block(second).content, self.block(second).size), ("written", 2 * GIB)
        )
        self.assertEqual(len(self.blocks.held), 3)

    def test_of_a_snapshot(self) -> None:
        """Its size unless another is asked for."""
        first = self.create(size=2)
        self.block(first).content = "written"
        snapshot_id = self.snapshot(first)
        self.block(first).content = "later"
        second = self.create(size=None, snapshot_id=snapshot_id)
        self.assertEqual((self.block(second).content, self.show(second)["size"]), ("written", 2))

    def test_refusals(self) -> None:
        """Bad bodies, in Cinder's words."""
        big, small = self.create(size=2), {"size": 1}
        cases = [
            ({"size": 0}, "0 is less than the minimum of 1"),
            ({"size": "x"}, "does not match"),
            ({}, "greater than zero"),
            ({**small, "source_volid": big}, "must be >= original volume size"),
            ({**small, "snapshot_id": "nope"}, "not a 'uuid'"),
            ({**small, "volume_type": "nope"}, "type with name nope could not be found"),
            ({**small, "availability_zone": "mars"}, "Availability zone 'mars' is invalid."),
            ({**small, "imageRef": SOMETHING}, "unable to access requested image"),
            ({**small, "source_volid": SOMETHING}, f"Volume {SOMETHING} could not be found."),
            ({**small, "multiattach": True}, "multiattach"),
            ({**small, "imageRef": IMAGE, "source_volid": big}, "only one of"),
            ({**small, "metadata": {"k" * 256: "v"}}, "metadata"),
        ]
        for fields, words in cases:
            _, message = self.refused("POST", "/volumes", {"volume": fields})
            self.assertIn(words, message)
        self.assertEqual(self.cloud.used(), {"volumes": 1, "gigabytes": 2})

    def test_quota(self) -> None:
        """A volume too many, and too much space."""
        limits = {"quota_set": {"volumes": 1, "gigabytes": 5}}
        self.good("PUT", "/os-quota-sets/project-alice", limits, user=ADMIN)
        status, message = self.refused("POST", "/volumes", {"volume": {"size": 6}})
        self.assertEqual(status, 413)
        self.assertIn("Requested 6G, quota is 5G and 0G has been consumed.", message)
        self.create()
        status, message = self.refused("POST", "/volumes", {"volume": {"size": 1}})
        self.assertEqual((status, "Maximum number of volumes allowed (1)" in message), (413, True))

    def test_storage_refuses(self) -> None:
        """The volume is in error, and is deleted like any other."""
        self.blocks.failing["create"] = NoSpace("full")
        volume_id = self.create()
        self.assertEqual(self.status(volume_id), "error")
        self.good("DELETE", f"/volumes/{volume_id}")
        self.settle()
        self.assertEqual(self.ask("GET", f"/volumes/{volume_id}").status, 404)
        self.assertEqual(self.cloud.used(), {})

    def test_storage_away(self) -> None:
        """It is waited for."""
        self.blocks.failing["create"] = StorageUnavailable("away")
        volume_id = self.create()
        self.assertEqual(self.status(volume_id), "creating")
        del self.blocks.failing["create"]
        self.playing.clock.pump([0.2] * 10)
        self.assertEqual(self.status(volume_id), "available")


class LifeTests(VolumesCase):
    def test_names(self) -> None:
        """Changed; the project's readers see them, other projects don't."""
        volume_id = self.create(name="a")
        path = f"/volumes/{volume_id}"
        changed = self.good("PUT", path, {"volume": {"name": "b", "description": "x"}})["volume"]
        self.assertEqual((changed["name"], changed["description"]), ("b", "x"))
        self.assertNotIn("os-vol-tenant-attr:tenant_id", changed)
        self.assertEqual(self.ask("GET", "/volumes/").status, 404)
        self.assertEqual(self.good("GET", path, user=READER)["volume"]["name"], "b")
        self.assertEqual(self.ask("GET", path, user=BOB).status, 404)
        self.assertEqual(self.ask("PUT", path, {"volume": {"name": "c"}}, user=BOB).status, 404)
        self.assertEqual(self.ask("DELETE", path, user=READER).status, 403)
        host = self.good("GET", path, user=ADMIN)["volume"]["os-vol-host-attr:host"]
        self.assertRegex(host, ".+@.+#.+")

    def test_metadata(self) -> None:
        """Added to, replaced, and taken away, key by key."""
        path = f"/volumes/{self.create(metadata={'a': '1'})}/metadata"
        self.assertEqual(
            self.good("POST", path, {"metadata": {"b": "2"}})["metadata"], {"a": "1", "b": "2"}
        )
        self.assertEqual(self.good("PUT", path, {"metadata": {"c": "3"}})["metadata"], {"c": "3"})
        self.assertEqual(self.good("PUT", f"{path}/c", {"meta": {"c": "4"}}), {"meta": {"c": "4"}})
        self.assertEqual(self.refused("PUT", f"{path}/c", {"meta": {"d": "4"}})[0], 400)
        self.assertEqual(self.good("GET", f"{path}/c"), {"meta": {"c": "4"}})
        self.good("DELETE", f"{path}/c")
        self.assertEqual(self.refused("GET", f"{path}/c")[0], 404)

    def test_deleted(self) -> None:
        """With its blocks and its charges; not while it has snapshots, unless with them."""
        volume_id = self.create()
        snapshot_id = self.snapshot(volume_id)
        status, message = self.refused("DELETE", f"/volumes/{volume_id}")
        self.assertEqual((status, "have snapshots" in message), (400, True))
        self.good("DELETE", f"/volumes/{volume_id}?cascade=true")
        self.assertEqual(self.status(volume_id), "deleting")
        self.settle()
        for path in (f"/volumes/{volume_id}", f"/snapshots/{snapshot_id}"):
            self.assertEqual(self.ask("GET", path).status, 404)
        self.assertEqual((list(self.blocks.held), self.cloud.used()), ([f"img-{IMAGE}"], {}))

    def test_extended(self) -> None:
        """And never cut."""
        volume_id = self.create(size=2)
        self.assertEqual(self.act(volume_id, "os-extend", {"new_size": 2}).status, 400)
        self.assertEqual(self.act(volume_id, "os-extend", {"new_size": 5}).status, 202)
        self.assertEqual(self.status(volume_id), "extending")
        self.settle()
        self.assertEqual((self.show(volume_id)["size"], self.status(volume_id)), (5, "available"))
        self.assertEqual(self.block(volume_id).size, 5 * GIB)
        self.assertEqual(self.cloud.used(), {"volumes": 1, "gigabytes": 5})

    def test_not_extended(self) -> None:
        """What was charged for it returns."""
        volume_id = self.create(size=2)
        self.blocks.failing["resize"] = NoSpace("full")
        self.act(volume_id, "os-extend", {"new_size": 5})
        self.settle()
        self.assertEqual(
            (self.show(volume_id)["size"], self.status(volume_id)), (2, "error_extending")
        )
        self.assertEqual(self.cloud.used(), {"volumes": 1, "gigabytes": 2})

    def test_reverted(self) -> None:
        """To its latest snapshot, from 3.40 on, at the size that it has."""
        volume_id = self.create()
        self.block(volume_id).content = "kept"
        snapshot_id = self.snapshot(volume_id)
        self.block(volume_id).content = "lost"
        self.act(volume_id, "os-extend", {"new_size": 2})
        self.settle()
        asked = {"snapshot_id": snapshot_id}
        self.assertEqual(self.act(volume_id, "revert", asked).status, 400)
        self.assertEqual(self.act(volume_id, "revert", asked, version="3.40").status, 202)
        self.settle()
        self.assertEqual(self.status(volume_id), "available")
        self.assertEqual(
            (self.block(volume_id).content, self.block(volume_id).size), ("kept", 2 * GIB)
        )

    def test_flags(self) -> None:
        """Bootable, read-only, and the image's facts."""
        volume_id = self.create()
        self.act(volume_id, "os-set_bootable", {"bootable": True})
        self.act(volume_id, "os-update_readonly_flag", {"readonly": "true"})
        facts = {"metadata": {"os": "plan9", "x": "y"}}
        self.assertEqual(self.act(volume_id, "os-set_image_metadata", facts).json, facts)
        self.assertEqual(self.act(volume_id, "os-unset_image_metadata", {"key": "x"}).status, 200)
        shown = self.show(volume_id)
        self.assertEqual(
            (shown["bootable"], shown["metadata"], shown["volume_image_metadata"]),
            ("true", {"readonly": "True"}, {"os": "plan9"}),
        )
        self.assertEqual(self.act(volume_id, "os-unset_image_metadata", {"key": "x"}).status, 404)
        found = self.act(volume_id, "os-show_image_metadata", user=READER)
        self.assertEqual(found.json, {"metadata": {"os": "plan9"}})
        self.act(volume_id, "os-update_readonly_flag", {"readonly": False})
        self.assertEqual(self.show(volume_id)["metadata"], {"readonly": "False"})

    def test_administrators(self) -> None:
        """Set its status and delete it whatever that is; nobody else does."""
        volume_id = self.create()
        for name, value in (("os-reset_status", {"status": "error"}), ("os-force_delete", {})):
            self.assertEqual(self.act(volume_id, name, value).status, 403)
        self.act(volume_id, "os-reset_status", {"status": "creating"}, user=ADMIN)
        self.assertEqual(self.status(volume_id), "creating")
        self.assertEqual(self.refused("DELETE", f"/volumes/{volume_id}")[0], 400)
        self.act(volume_id, "os-force_delete", user=ADMIN)
        self.settle()
        self.assertEqual(self.ask("GET", f"/volumes/{volume_id}").status, 404)

    def test_boot_disks_are_none(self) -> None:
        """What a server boots from is its own, and no volume to anybody."""
        self.playing.running()
        self.assertEqual(self.good("GET", "/volumes")["volumes"], [])


class ListTests(VolumesCase):
    def setUp(self) -> None:
        super().setUp()
        self.ids = []
        for name, size in (("a", 3), ("b", 1), ("c", 2)):
            self.ids.append(self.create(name=name, size=size, metadata={"of": name}))
            self.playing.clock.advance(1)
            self.cloud.now = self.playing.clock.seconds()
        self.create(BOB, name="bobs")

    def names(self, query: str, **more: object) -> list[str]:
        found = self.good("GET", f"/volumes/detail{query}", **more)["volumes"]
        return [one["name"] for one in found]

    def test_order(self) -> None:
        """The newest first, or as asked."""
        self.assertEqual(self.names(""), ["c", "b", "a"])
        self.assertEqual(self.names("?sort=size:asc"), ["b", "c", "a"])
        self.assertEqual(self.names("?sort_key=name&sort_dir=asc"), ["a", "b", "c"])
        self.assertEqual(self.refused("GET", "/volumes?sort=nope")[0], 400)

    def test_filters(self) -> None:
        """By what volumes show, and by metadata."""
        self.assertEqual(self.names("?name=b"), ["b"])
        self.assertEqual(self.names("?status=error"), [])
        self.assertEqual(self.names("?metadata={'of':'c'}"), ["c"])
        for strange in ("{'a%22b':1}", "{'a':'%5Cx00'}", "{'%5Cud800':1}", "{'of':'%5Cud800'}"):
            self.assertEqual(self.names(f"?metadata={strange}"), [], strange)
        many = ",".join(f"{number}:1" for number in range(1200))
        for wrong in ("{[]:1}", "[", f"{{{many}}}"):
            self.assertEqual(self.ask("GET", f"/volumes?metadata={wrong}").status, 400, wrong)
        self.assertEqual(self.names("?bootable=false&size=3"), ["a"])
        self.assertEqual(self.names("?unheard=of"), ["c", "b", "a"])

    def test_pages(self) -> None:
        """Each says where the next begins."""
        first = self.good("GET", "/volumes?limit=2")
        self.assertEqual([one["name"] for one in first["volumes"]], ["c", "b"])
        [link] = first["volumes_links"]
        self.assertIn(f"marker={first['volumes'][1]['id']}", link["href"])
        path = link["href"].partition("/volume/v3")[2]
        self.assertEqual([one["name"] for one in self.good("GET", path)["volumes"]], ["a"])
        self.assertEqual(self.names("?limit=1&offset=1"), ["b"])
        self.assertEqual(self.refused("GET", "/volumes?limit=-1")[0], 400)
        for wrong in ("x", "9" * 5000, ""):
            self.assertEqual(self.refused("GET", f"/volumes?limit={wrong}")[0], 400)
        self.assertEqual(self.names(f"?size={'9' * 5000}"), [])
        self.assertEqual(self.refused("GET", f"/volumes?marker={SOMETHING}")[0], 404)

    def test_everybodys(self) -> None:
        """For administrators who ask."""
        self.assertEqual(self.names("?all_tenants=1", user=ADMIN), ["bobs", "c", "b", "a"])
        self.assertEqual(self.names("", user=ADMIN), [])
        self.assertEqual(self.names("?all_tenants=1"), ["c", "b", "a"])

    def test_count(self) -> None:
        """Of all pages, from 3.45 on."""
        query = "/volumes?limit=1&with_count=true"
        self.assertEqual(self.good("GET", query, version="3.45")["count"], 3)
        self.assertNotIn("count", self.good("GET", query))

    def test_summary(self) -> None:
        """How many, how large, and metadata from 3.36 on."""
        told = self.good("GET", "/volumes/summary", version="3.36")["volume-summary"]
        self.assertEqual((told["total_count"], told["total_size"]), (3, 6))
        self.assertEqual(sorted(told["metadata"]["of"]), ["a", "b", "c"])

    def test_types(self) -> None:
        """There is the default one."""
        [kind] = self.good("GET", "/types")["volume_types"]
        self.assertEqual(self.good("GET", f"/types/{kind['id']}")["volume_type"], kind)
        self.assertEqual(self.show(self.ids[0])["volume_type"], kind["name"])
        self.assertEqual(self.ask("GET", f"/types/{SOMETHING}").status, 404)
        zones = self.good("GET", "/os-availability-zone", user=ALICE)["availabilityZoneInfo"]
        self.assertEqual([zone["zoneName"] for zone in zones], ["nova"])
        known = [one["alias"] for one in self.good("GET", "/extensions")["extensions"]]
        self.assertIn("os-volume-transfer", known)
