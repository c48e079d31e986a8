"""
Attachments: of servers by compute, and by Cinder's own API for those who connect volumes by hand.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.quota.registered import GIB
from tests.synnefo_tx.compute.cloud import ADMIN, BOB
from tests.synnefo_tx.volume.cloud import VolumesCase

CONNECTOR = {"host": "h1", "initiator": "iqn", "mountpoint": "/dev/vdz"}


class ServerTests(VolumesCase):
    def setUp(self) -> None:
        super().setUp()
        self.server_id = self.playing.running()
        self.volume_id = self.create(size=2)
        self.base = f"/servers/{self.server_id}/os-volume_attachments"

    def attach(self, volume_id: str = "", **more: Any) -> Any:
        body = {"volumeAttachment": {"volumeId": volume_id or self.volume_id, **more}}
        version = "2.79" if more else None
        answer = self.cloud.nova("POST", self.base, body, version=version)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json["volumeAttachment"]

    def disks(self) -> list[str]:
        """Names of the disks that the cluster's instance has."""
        held = self.playing.cluster.held.instances[f"snf-{self.server_id}"]
        return [disk["name"] for disk in held["disks"]]

    def test_attached(self) -> None:
        """The cluster plugs it; all who are asked say so."""
        told = self.attach()
        wanted = {
            "id": self.volume_id,
            "volumeId": self.volume_id,
            "serverId": self.server_id,
            "device": "/dev/vdb",
        }
        self.assertEqual(told, wanted)
        self.assertEqual(self.status(self.volume_id), "attaching")
        self.settle()
        self.assertEqual(self.disks()[1:], [f"snf-vol-{self.volume_id}"])
        shown = self.show(self.volume_id)
        [attachment] = shown["attachments"]
        self.assertEqual(
            (shown["status"], attachment["server_id"], attachment["device"]),
            ("in-use", self.server_id, "/dev/vdb"),
        )
        self.assertEqual(self.cloud.nova("GET", self.base).json["volumeAttachments"], [wanted])
        for query, many in (("?limit=1", 1), ("?offset=1", 0), ("?limit=0", 0)):
            page = self.cloud.nova("GET", self.base + query).json["volumeAttachments"]
            self.assertEqual(len(page), many, query)
        self.assertEqual(self.cloud.nova("GET", f"{self.base}?limit=x").status, 400)
        one = self.cloud.nova("GET", f"{self.base}/{self.volume_id}", version="2.89")
        self.assertEqual(one.json["volumeAttachment"]["attachment_id"], attachment["attachment_id"])
        self.assertNotIn("id", one.json["volumeAttachment"])
        server = self.playing.show(self.server_id)
        self.assertEqual(server["os-extended-volumes:volumes_attached"], [{"id": self.volume_id}])
        actions = self.cloud.nova("GET", f"/servers/{self.server_id}/os-instance-actions").json
        self.assertEqual(actions["instanceActions"][0]["action"], "attach_volume")

    def test_detached(self) -> None:
        """It is free, and what was written to it stays."""
        self.attach()
        self.settle()
        self.block(self.volume_id).content = "written"
        answer = self.cloud.nova("DELETE", f"{self.base}/{self.volume_id}")
        self.assertEqual((answer.status, self.status(self.volume_id)), (202, "detaching"))
        self.settle()
        self.assertEqual((self.status(self.volume_id), self.disks()[1:]), ("available", []))
        self.assertEqual(self.block(self.volume_id).content, "written")
        again = self.cloud.nova("DELETE", f"{self.base}/{self.volume_id}")
        self.assertEqual(again.status, 404)

    def test_refused(self) -> None:
        """Twice, not there, another project's, and while it is attached."""
        self.attach()
        self.settle()
        body = {"volumeAttachment": {"volumeId": self.volume_id}}
        self.assertEqual(self.cloud.nova("POST", self.base, body).status, 400)
        other = self.playing.running()
        path = f"/servers/{other}/os-volume_attachments"
        self.assertEqual(self.cloud.nova("POST", path, body).status, 400)
        bobs = self.create(BOB)
        foreign = {"volumeAttachment": {"volumeId": bobs}}
        self.assertEqual(self.cloud.nova("POST", self.base, foreign).status, 404)
        self.assertEqual(self.cloud.nova("GET", self.base, user=BOB).status, 404)
        self.assertEqual(self.refused("DELETE", f"/volumes/{self.volume_id}")[0], 400)
        self.assertEqual(self.act(self.volume_id, "os-detach").status, 409)

    def test_by_hand_as_well(self) -> None:
        """While a server has it, or is being given it, nobody makes it available by hand."""
        value = {"mountpoint": "/dev/vdc", "host_name": "h"}
        self.attach()
        self.assertEqual(self.act(self.volume_id, "os-attach", value).status, 409)
        self.settle()
        self.assertEqual(self.act(self.volume_id, "os-begin_detaching").status, 409)
        self.assertEqual(self.status(self.volume_id), "in-use")

    def test_the_cluster_fails(self) -> None:
        """The volume is free again, and the action says why."""
        self.playing.cluster.failures["OP_INSTANCE_SET_PARAMS"] = "no slot is free"
        self.attach()
        self.settle()
        self.assertEqual(self.status(self.volume_id), "available")
        self.assertEqual(self.cloud.nova("GET", self.base).json["volumeAttachments"], [])

    def test_not_detached(self) -> None:
        """It is attached as before."""
        self.attach()
        self.settle()
        self.playing.cluster.failures["OP_INSTANCE_SET_PARAMS"] = "the guest holds it"
        self.cloud.nova("DELETE", f"{self.base}/{self.volume_id}")
        self.settle()
        self.assertEqual(self.status(self.volume_id), "in-use")

    def test_extended(self) -> None:
        """While the guest uses it, from 3.42 on."""
        self.attach()
        self.settle()
        self.assertEqual(self.act(self.volume_id, "os-extend", {"new_size": 3}).status, 400)
        asked = self.act(self.volume_id, "os-extend", {"new_size": 3}, version="3.42")
        self.assertEqual(asked.status, 202)
        self.settle()
        held = self.playing.cluster.held.instances[f"snf-{self.server_id}"]["disks"][1]
        self.assertEqual(held["size"], 3 * GIB // 2**20)
        shown = self.show(self.volume_id)
        self.assertEqual((shown["size"], shown["status"]), (3, "in-use"))
        path = f"/servers/{self.server_id}/os-instance-actions"
        action = self.cloud.nova("GET", path).json["instanceActions"][0]
        self.assertEqual(action["action"], "extend_volume")
        told = self.cloud.nova("GET", f"{path}/{action['request_id']}", user=ADMIN).json
        [event] = told["instanceAction"]["events"]
        self.assertEqual((event["event"], event["result"]), ("compute_extend_volume", "Success"))

    def test_outlives_its_server(self) -> None:
        """Unless it was to go with it."""
        second = self.create()
        self.attach()
        self.attach(second, delete_on_termination=True)
        self.settle()
        self.cloud.nova("DELETE", f"/servers/{self.server_id}")
        self.settle()
        self.assertEqual(self.cloud.nova("GET", f"/servers/{self.server_id}").status, 404)
        self.assertEqual(self.status(self.volume_id), "available")
        self.assertEqual(self.ask("GET", f"/volumes/{second}").status, 404)
        asked = [job.opcodes[0] for job in self.playing.cluster.asked[-4:]]
        self.assertEqual(asked[0], "OP_INSTANCE_SHUTDOWN")
        self.assertEqual(asked[1:], ["OP_INSTANCE_SET_PARAMS"] * 2 + ["OP_INSTANCE_REMOVE"])
        self.assertEqual(self.cloud.used(), {"volumes": 1, "gigabytes": 2})

    def test_deleted_while_it_comes(self) -> None:
        """It outlives a server that it was on its way to, or from."""
        second = self.create()
        self.attach(second)
        self.settle()
        self.attach()
        self.cloud.nova("DELETE", f"{self.base}/{second}")
        self.cloud.nova("DELETE", f"/servers/{self.server_id}")
        self.settle()
        self.assertEqual(self.cloud.nova("GET", f"/servers/{self.server_id}").status, 404)
        *before, last = self.playing.cluster.asked
        self.assertEqual(last.opcodes, ("OP_INSTANCE_REMOVE",))
        for volume_id in (self.volume_id, second):
            self.assertEqual(self.status(volume_id), "available")
            out = [["remove", f"snf-vol-{volume_id}", {}]]
            asked = [job.body for job in before[-3:] if job.body.get("disks") == out]
            self.assertEqual([body["keep_disks"] for body in asked], [True])

    def test_shelved(self) -> None:
        """Attached to a server that is nowhere, it comes with that; or leaves before."""
        second = self.create()
        self.cloud.nova("POST", f"/servers/{self.server_id}/action", {"shelve": None})
        self.settle()
        self.assertEqual(self.playing.show(self.server_id)["status"], "SHELVED_OFFLOADED")
        for volume_id in (self.volume_id, second):
            self.attach(volume_id)
            self.assertEqual(self.status(volume_id), "in-use")
        self.cloud.nova("DELETE", f"{self.base}/{second}")
        self.assertEqual(self.status(second), "available")
        self.cloud.nova("POST", f"/servers/{self.server_id}/action", {"unshelve": None})
        self.settle()
        self.assertEqual(self.disks()[1:], [f"snf-vol-{self.volume_id}"])
        self.assertEqual(self.status(self.volume_id), "in-use")

    def test_termination_changed(self) -> None:
        """From 2.85 on; a volume is never swapped for another."""
        self.attach()
        self.settle()
        path = f"{self.base}/{self.volume_id}"
        body = {"volumeAttachment": {"volumeId": self.volume_id, "delete_on_termination": True}}
        self.assertEqual(self.cloud.nova("PUT", path, body).status, 400)
        self.assertEqual(self.cloud.nova("PUT", path, body, version="2.85").status, 202)
        shown = self.cloud.nova("GET", path, version="2.79").json["volumeAttachment"]
        self.assertIs(shown["delete_on_termination"], True)
        other = {"volumeAttachment": {"volumeId": self.create()}}
        self.assertEqual(self.cloud.nova("PUT", path, other).status, 400)


class OwnTests(VolumesCase):
    def setUp(self) -> None:
        super().setUp()
        self.volume_id = self.create()

    def test_by_actions(self) -> None:
        """Reserved, attached, detached."""
        steps: list[tuple[str, Any, str]] = [
            ("os-reserve", {}, "attaching"),
            ("os-unreserve", {}, "available"),
            ("os-attach", {"mountpoint": "/dev/vdc", "host_name": "h"}, "in-use"),
            ("os-begin_detaching", {}, "detaching"),
            ("os-roll_detaching", {}, "in-use"),
            ("os-detach", {}, "available"),
        ]
        for name, value, status in steps:
            answer = self.act(self.volume_id, name, value)
            self.assertEqual((answer.status, self.status(self.volume_id)), (202, status), name)
        self.assertEqual(self.act(self.volume_id, "os-begin_detaching").status, 400)
        self.assertEqual(self.act(self.volume_id, "os-detach").status, 202)
        self.assertEqual(self.status(self.volume_id), "available")
        info = self.act(self.volume_id, "os-initialize_connection", {"connector": CONNECTOR})
        self.assertEqual(info.json["connection_info"]["data"]["name"], f"snf-vol-{self.volume_id}")

    def test_by_attachments(self) -> None:
        """Made, connected, completed, deleted, from 3.27 on."""
        self.assertEqual(self.ask("GET", "/attachments").status, 404)
        body = {"attachment": {"volume_uuid": self.volume_id}}
        made = self.good("POST", "/attachments", body, version="3.44")["attachment"]
        self.assertEqual((made["status"], made["connection_info"]), ("reserved", {}))
        self.assertEqual(self.status(self.volume_id), "reserved")
        path = f"/attachments/{made['id']}"
        connected = {"attachment": {"connector": CONNECTOR}}
        told = self.good("PUT", path, connected, version="3.44")["attachment"]
        self.assertEqual(told["connection_info"]["driver_volume_type"], "archipelago")
        self.good("POST", f"{path}/action", {"os-complete": {}}, version="3.44")
        self.assertEqual(self.status(self.volume_id), "in-use")
        [shown] = self.show(self.volume_id)["attachments"]
        self.assertEqual((shown["host_name"], shown["device"]), ("h1", "/dev/vdz"))
        query = f"/attachments?volume_id={self.volume_id}"
        self.assertEqual(len(self.good("GET", query, version="3.27")["attachments"]), 1)
        self.assertEqual(self.ask("GET", path, user=BOB, version="3.27").status, 404)
        self.assertEqual(self.ask("DELETE", path, user=BOB, version="3.27").status, 404)
        self.good("DELETE", path, version="3.27")
        self.assertEqual(self.status(self.volume_id), "available")

    def test_bad_connectors(self) -> None:
        """Hosts and devices are names that can be kept."""
        body: dict[str, Any] = {"volume_uuid": self.volume_id}
        made = self.good("POST", "/attachments", {"attachment": body}, version="3.44")
        other = {"volume_uuid": self.create()}
        for wrong in ({"host": {"a": 1}}, {"host": "h" * 256}, {"mountpoint": 5}, {"host": "\0"}):
            asked = {"attachment": {**other, "connector": wrong}}
            self.assertEqual(self.ask("POST", "/attachments", asked, version="3.44").status, 400)
            path = f"/attachments/{made['attachment']['id']}"
            asked = {"attachment": {"connector": wrong}}
            self.assertEqual(self.ask("PUT", path, asked, version="3.44").status, 400)
        for field in ("name", "description"):
            named = {"volume": {"size": 1, field: "a\0b"}}
            self.assertEqual(self.ask("POST", "/volumes", named).status, 400)

    def test_two_attachments(self) -> None:
        """It is free when both are gone, and no sooner by saying that nobody reserves it."""
        body = {"attachment": {"volume_uuid": self.volume_id, "connector": CONNECTOR}}
        made = self.good("POST", "/attachments", body, version="3.44")["attachment"]
        self.act(self.volume_id, "os-unreserve")
        self.assertEqual(self.status(self.volume_id), "attaching")
        value = {"mountpoint": "/dev/vdc", "host_name": "h"}
        self.assertEqual(self.act(self.volume_id, "os-attach", value).status, 202)
        path = f"/attachments/{made['id']}"
        again = {"attachment": {"connector": CONNECTOR}}
        self.assertEqual(self.ask("PUT", path, again, version="3.44").status, 400)
        self.good("DELETE", path, version="3.44")
        self.assertEqual(self.status(self.volume_id), "in-use")
        self.act(self.volume_id, "os-detach")
        self.assertEqual(self.status(self.volume_id), "available")

    def test_read_only(self) -> None:
        """Nobody attaches it to write."""
        self.act(self.volume_id, "os-update_readonly_flag", {"readonly": True})
        value = {"mountpoint": "/dev/vdc", "host_name": "h"}
        self.assertEqual(self.act(self.volume_id, "os-attach", value).status, 400)
        self.assertEqual(self.act(self.volume_id, "os-attach", {**value, "mode": "ro"}).status, 202)
