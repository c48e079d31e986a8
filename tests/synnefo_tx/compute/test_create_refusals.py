"""
POST /servers with something wrong: the exact answers, and nothing left behind.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select, update
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.rows.tables import clusters, servers
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.network.rows.tables import ports
from synnefo_tx.volume.rows.tables import volumes
from tests.synnefo_tx.compute.cloud import (
    ALICE,
    BOB,
    GIB,
    IMAGE,
    NETWORK,
    READER,
    Cloud,
    add_image,
    add_network,
    asked,
    some_id,
)

NOBODY = "99999999-9999-4999-8999-999999999999"
FIELD = "Invalid input for field/attribute"
BLANK = {"source_type": "blank", "destination_type": "volume", "volume_size": 1}
SIZES: tuple[Any, ...] = ("\N{SUPERSCRIPT TWO}", "9" * 5000, "-1", [])
CASES: list[tuple[dict[str, Any], int, str]] = [
    ({"flavorRef": "999"}, 400, "Flavor 999 could not be found."),
    ({"flavorRef": "9"}, 400, "Flavor 9 could not be found."),
    ({"imageRef": NOBODY}, 400, "Can not find requested image"),
    ({"imageRef": ""}, 400, "Invalid imageRef provided."),
    ({"imageRef": None}, 400, "Invalid imageRef provided."),
    (
        {"imageRef": "bad"},
        400,
        f"{FIELD} imageRef. Value: bad. 'bad' is not valid under any of the given schemas",
    ),
    *(
        (
            {"imageRef": None, "block_device_mapping": [{"volume_id": "v", "volume_size": size}]},
            400,
            "Block Device Mapping is Invalid: Invalid volume_size.",
        )
        for size in SIZES
    ),
    (
        {"block_device_mapping_v2": 25 * [BLANK]},
        403,
        (
            "The maximum allowed number of disk devices (24) to attach to a single instance has "
            "been exceeded."
        ),
    ),
    ({"name": 1}, 400, f"{FIELD} name. Value: 1. 1 is not of type 'string'"),
    (
        {"name": " w"},
        400,
        (
            "An invalid 'name' value was provided. The name must be: printable characters. Can not "
            "start or end with whitespace."
        ),
    ),
    ({"key_name": "nope"}, 400, "Invalid key_name provided."),
    ({"networks": [{"uuid": NOBODY}]}, 400, f"Network {NOBODY} could not be found."),
    (
        {"networks": [{"uuid": "x"}]},
        400,
        "Bad networks format: network uuid is not in proper format (x)",
    ),
    ({"networks": [{}]}, 400, "Bad network format: missing 'uuid'"),
    ({"networks": [{"port": NOBODY}]}, 400, f"Port id {NOBODY} could not be found."),
    (
        {"networks": [{"uuid": NETWORK, "fixed_ip": "10.9.0.1"}]},
        400,
        (
            f"Invalid input received: Fixed IP 10.9.0.1 is not a valid ip address for network "
            f"{NETWORK}."
        ),
    ),
    (
        {"networks": [{"uuid": NETWORK, "fixed_ip": "10.0.0.7"}], "max_count": 2},
        400,
        (
            "Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is "
            "specified."
        ),
    ),
    ({"user_data": "a"}, 400, f"{FIELD} user_data. Value: a. 'a' is not a 'base64'"),
    ({"user_data": "é"}, 400, f"{FIELD} user_data. Value: é. 'é' is not a 'base64'"),
    ({"min_count": 3, "max_count": 2}, 400, "min_count must be <= max_count"),
    (
        {"min_count": "0"},
        400,
        f"{FIELD} min_count. Value: 0. 0 is less than the minimum of 1",
    ),
    (
        {"availability_zone": "moon"},
        400,
        "Invalid input received: The requested availability zone is not available",
    ),
    (
        {"security_groups": [{"name": "web"}]},
        400,
        "Security group web not found for project project-alice.",
    ),
    (
        {"min_count": 21},
        403,
        "Quota exceeded for instances: Requested 21, but already used 0 of 20 instances",
    ),
    (
        {"flavorRef": "2", "min_count": 21},
        403,
        (
            "Quota exceeded for cores, instances: Requested 42, 21, but already used 0, 0 of 40, "
            "20 cores, instances"
        ),
    ),
    (
        {"metadata": {f"k{n}": "v" for n in range(129)}},
        403,
        "Maximum number of metadata items exceeds 128",
    ),
]
NAMES = {400: "badRequest", 403: "forbidden", 409: "conflictingRequest", 503: "serviceUnavailable"}


class RefusalTests(SynchronousTestCase):
    """
    Each leaves the database as it was.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def _refused(
        self, fields: dict[str, Any], status: int, text: str, version: str | None = None
    ) -> None:
        answer = self.cloud.nova("POST", "/servers", {"server": asked(**fields)}, version=version)
        expected = {NAMES[status]: {"code": status, "message": text}}
        self.assertEqual((answer.status, answer.json), (status, expected))
        self.assertEqual(self.cloud.used(), {})
        self.assertEqual(self.cloud.kicks, 0)
        with self.cloud.database.engine.connect() as connection:
            for table in (servers, ports, volumes, effects):
                count = connection.execute(select(func.count()).select_from(table)).scalar()
                self.assertEqual(count, 0, table.name)

    def _add(self, what: Any, *args: Any, **more: Any) -> None:
        with self.cloud.database.engine.begin() as connection:
            what(connection, *args, **more)

    def test_fields(self) -> None:
        """Wrong values, one at a time."""
        for fields, status, text in CASES:
            self._refused(fields, status, text)

    def test_malformed_json(self) -> None:
        """A body that is no JSON."""
        answer = self.cloud.nova("POST", "/servers", b"{bad")
        self.assertEqual(
            answer.json, {"badRequest": {"code": 400, "message": "Malformed request body"}}
        )

    def test_bodies_of_wrong_shape(self) -> None:
        """Bodies that are JSON, and no request for a server."""
        for body, text in (
            ({"server": {}}, f"{FIELD} server. Value: {{}}. 'name' is a required property"),
            ({}, "'server' is a required property"),
            ([], "[] is not of type 'object'"),
            ({"server": []}, f"{FIELD} server. Value: []. [] is not of type 'object'"),
        ):
            answer = self.cloud.nova("POST", "/servers", body)
            self.assertEqual(
                answer.json, {"badRequest": {"code": 400, "message": text}}, repr(body)
            )

    def test_fields_of_other_versions(self) -> None:
        """A field is refused outside the microversions that have it."""
        for version, field, value in (
            ("2.18", "description", "d"),
            ("2.51", "tags", ["t"]),
            ("2.57", "personality", []),
            ("2.89", "hostname", "h1"),
        ):
            fields = {field: value, "networks": "auto" if version > "2.36" else None}
            answer = self.cloud.nova(
                "POST", "/servers", {"server": asked(**fields)}, version=version
            )
            self.assertEqual(answer.status, 400)
            self.assertIn(
                f"Additional properties are not allowed ('{field}' was unexpected)",
                answer.json["badRequest"]["message"],
            )

    def test_networks_are_required_from_2_37(self) -> None:
        """And not before."""
        answer = self.cloud.nova("POST", "/servers", {"server": asked()}, version="2.37")
        self.assertTrue(
            answer.json["badRequest"]["message"].endswith("'networks' is a required property")
        )

    def test_ambiguous_network(self) -> None:
        """With two networks to choose from, the caller must choose."""
        self._add(add_network, some_id(), some_id(), "other", "project-alice", "10.1.0", False)
        text = "Multiple possible networks found, use a Network ID to be more specific."
        self._refused({}, 409, text)
        self._refused({"networks": []}, 409, text)
        self._refused({"networks": "auto"}, 409, text, "2.37")

    def test_foreign_network(self) -> None:
        """Another project's network is not there."""
        foreign = some_id()
        self._add(add_network, foreign, some_id(), "bobs", "project-bob", "10.1.0", False)
        self._refused(
            {"networks": [{"uuid": foreign}]}, 400, f"Network {foreign} could not be found."
        )

    def test_address_taken(self) -> None:
        """The holder is named when an address is taken, but not to other projects."""
        wanted: dict[str, Any] = {"networks": [{"uuid": NETWORK, "fixed_ip": "10.0.0.50"}]}
        holder = self.cloud.create(user=BOB, **wanted)
        its = f"Fixed IP address 10.0.0.50 is already in use on instance {holder}."
        for user, text in ((BOB, its), (ALICE, "Fixed IP 10.0.0.50 is already in use.")):
            answer = self.cloud.nova("POST", "/servers", {"server": asked(**wanted)}, user)
            self.assertEqual((answer.status, answer.json["badRequest"]["message"]), (400, text))
        self.assertEqual(self.cloud.used(), {})

    def test_port_in_use(self) -> None:
        """A port belongs to its server."""
        server_id = self.cloud.create()
        port = self.cloud.nova("GET", f"/servers/{server_id}/os-interface").json
        port_id = port["interfaceAttachments"][0]["port_id"]
        body = {"server": asked(networks=[{"port": port_id}])}
        answer = self.cloud.nova("POST", "/servers", body)
        self.assertEqual(
            answer.json,
            {"conflictingRequest": {"code": 409, "message": f"Port {port_id} is still in use."}},
        )
        foreign = self.cloud.nova("POST", "/servers", body, user=BOB)
        self.assertEqual(
            foreign.json["badRequest"]["message"], f"Port id {port_id} could not be found."
        )

    def test_no_address_left(self) -> None:
        """A full pool is said to be full, and the quota is as before."""
        small, subnet = some_id(), some_id()
        self._add(add_network, small, subnet, "small", "project-root", "10.2.0", True, 3)
        body = {"server": asked(networks=[{"uuid": small}], min_count=3)}
        answer = self.cloud.nova("POST", "/servers", body)
        self.assertEqual(
            answer.json["badRequest"]["message"],
            f"No fixed IP addresses available for network: {small}",
        )
        self.assertEqual(self.cloud.used(), {})

    def test_images_that_do_not_do(self) -> None:
        """An image that is not there for the project, not active, or too big."""
        foreign, queued, big, hungry, wide = (some_id() for _ in range(5))
        self._add(add_image, foreign, owner="project-bob", visibility="private")
        self._add(add_image, queued, status="queued", boot_volume=None)
        self._add(add_image, big, virtual_size=GIB + 1)
        self._add(add_image, hungry, min_ram=129)
        self._add(add_image, wide, min_disk=2)
        for image, text in (
            (foreign, "Can not find requested image"),
            (queued, f"Image {queued} is not active."),
            (
                big,
                (
                    "Flavor's disk is too small for requested image. Flavor disk is 1073741824 "
                    "bytes, image is 1073741825 bytes."
                ),
            ),
            (hungry, "Flavor's memory is too small for requested image."),
            (
                wide,
                (
                    "Flavor's disk is smaller than the minimum size specified in image metadata. "
                    "Flavor disk is 1073741824 bytes, minimum size is 2147483648 bytes."
                ),
            ),
        ):
            self._refused({"imageRef": image}, 400, text)

    def test_no_cluster_left(self) -> None:
        """503 while every cluster is drained."""
        self._add(lambda connection: connection.execute(update(clusters).values(drained=True)))
        self._refused({}, 503, "No valid host was found. No cluster takes new servers now.")

    def test_disks_that_can_not_be_made(self) -> None:
        """The one local disk is the image's, and the boot disk."""
        disk = {
            "source_type": "image",
            "destination_type": "local",
            "uuid": IMAGE,
            "boot_index": 0,
            "delete_on_termination": True,
        }
        self.cloud.create(block_device_mapping_v2=[disk])
        for change in ({"boot_index": 1}, {"uuid": NOBODY}):
            wrong = {name: value for name, value in {**disk, **change}.items() if value is not None}
            body = {"server": asked(block_device_mapping_v2=[wrong])}
            answer = self.cloud.nova("POST", "/servers", body)
            self.assertEqual(answer.status, 400)
            self.assertEqual(
                answer.json["badRequest"]["message"],
                "Block Device Mapping is Invalid: only the server's image can be its local boot "
                "disk.",
            )

    def test_readers_make_nothing(self) -> None:
        """403 for a reader of the project."""
        answer = self.cloud.nova("POST", "/servers", {"server": asked()}, user=READER)
        self.assertEqual(
            answer.json,
            {
                "forbidden": {
                    "code": 403,
                    "message": "Policy doesn't allow os_compute_api:servers:create to be "
                    "performed.",
                }
            },
        )
        self.assertEqual(self.cloud.used(ALICE), {})
