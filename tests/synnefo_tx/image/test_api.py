"""
The image API by HTTP: good calls, and bad ones with Glance's exact answers.
"""

from __future__ import annotations

import uuid

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.image.permissions import PERMISSIONS
from tests.synnefo_tx.image.cloud import ADMIN, ALICE, BOB, READER, Cloud, page

NAME_IS_ONE = """\
Provided object does not match schema &#x27;image&#x27;: 1 is not of type &#x27;null&#x27;, \
&#x27;string&#x27;

Failed validating &#x27;type&#x27; in schema[&#x27;properties&#x27;][&#x27;name&#x27;]:
    {&#x27;type&#x27;: [&#x27;null&#x27;, &#x27;string&#x27;],
     &#x27;description&#x27;: &#x27;Descriptive name for the image&#x27;,
     &#x27;maxLength&#x27;: 255}

On instance[&#x27;name&#x27;]:
    1"""


class CloudCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def refused(self, answer, status: str, inner: str) -> None:
        self.assertEqual(answer.body.decode(), page(status, inner))
        self.assertEqual(answer.status, int(status[:3]))
        self.assertEqual(answer.header("content-type"), "text/html; charset=UTF-8")


class DiscoveryTests(CloudCase):
    def test_versions_without_token(self) -> None:
        """The root tells the versions with 300, /versions with 200, to anybody."""
        root = self.cloud.call("GET", "/", user=None)
        named = self.cloud.call("GET", "/versions", user=None)
        self.assertEqual((root.status, named.status), (300, 200))
        self.assertEqual(root.json, named.json)
        first = root.json["versions"][0]
        self.assertEqual(
            first,
            {
                "id": "v2.15",
                "status": "SUPPORTED",
                "links": [{"rel": "self", "href": "http://glance/image/v2/"}],
            },
        )
        current = [v["id"] for v in root.json["versions"] if v["status"] == "CURRENT"]
        self.assertEqual(current, ["v2.17"])

    def test_no_token(self) -> None:
        """A call without a token gets Glance's 401 page and is told where to get one."""
        for path in ("/v2/images", "/v2/"):
            answer = self.cloud.call("GET", path, user=None)
            self.assertEqual(answer.status, 401)
            self.assertEqual(len(answer.body), 358)
            self.assertEqual(
                answer.header("www-authenticate"), 'Keystone uri="http://glance/identity/v3"'
            )

    def test_schemas(self) -> None:
        """Clients can read the four schemas."""
        for name in ("image", "images", "member", "members"):
            answer = self.cloud.call("GET", f"/v2/schemas/{name}")
            self.assertEqual((answer.status, answer.json["name"]), (200, name))

    def test_info(self) -> None:
        """Import methods and stores are told."""
        self.assertEqual(
            self.cloud.call("GET", "/v2/info/stores").json,
            {"stores": [{"id": "archipelago", "default": "true"}]},
        )
        methods = self.cloud.call("GET", "/v2/info/import").json["import-methods"]
        self.assertEqual(methods["type"], "array")

    def test_unrouted(self) -> None:
        """An unknown path is 404 in Glance's words, as JSON for those who ask for it."""
        answer = self.cloud.call("GET", "/v2/nope")
        self.refused(answer, "404 Not Found", "The resource could not be found.")
        answer = self.cloud.call("GET", "/v2/nope", accept="application/json")
        self.assertEqual(
            answer.json,
            {
                "message": "The resource could not be found.<br /><br />\n\n\n",
                "code": "404 Not Found",
                "title": "Not Found",
            },
        )

    def test_every_route_has_a_permission(self) -> None:
        """All but the version documents ask for a permission that the table has."""
        open_paths = {path for _, path, name in self.cloud.router.routes if name is None}
        self.assertEqual(open_paths, {"/", "/versions"})
        self.assertEqual(self.cloud.router.permissions(), set(PERMISSIONS))


class CreationTests(CloudCase):
    def test_create(self) -> None:
        """A new image is queued, with Glance's very fields and its address."""
        body = {"name": "i", "disk_format": "raw", "container_format": "bare", "a.b": "c"}
        answer = self.cloud.call("POST", "/v2/images", body)
        self.assertEqual(answer.status, 201)
        image = answer.json
        self.assertEqual(answer.header("location"), f"http://glance/image/v2/images/{image['id']}")
        self.assertEqual(
            image,
            {
                "a.b": "c",
                "name": "i",
                "disk_format": "raw",
                "container_format": "bare",
                "visibility": "shared",
                "size": None,
                "virtual_size": None,
                "status": "queued",
                "checksum": None,
                "protected": False,
                "min_ram": 0,
                "min_disk": 0,
                "owner": "project-alice",
                "os_hidden": False,
                "os_hash_algo": None,
                "os_hash_value": None,
                "id": image["id"],
                "created_at": "2025-11-23T01:29:53Z",
                "updated_at": "2025-11-23T01:29:53Z",
                "tags": [],
                "self": f"/v2/images/{image['id']}",
                "file": f"/v2/images/{image['id']}/file",
                "schema": "/v2/schemas/image",
            },
        )
        self.assertEqual(self.cloud.call("GET", image["self"]).json, image)

    def test_malformed_json(self) -> None:
        """Broken JSON is 400."""
        answer = self.cloud.call("POST", "/v2/images", b'{"bad')
        self.refused(answer, "400 Bad Request", "Malformed JSON in request body.")

    def test_no_body(self) -> None:
        """No body is 400."""
        answer = self.cloud.call("POST", "/v2/images")
        self.refused(answer, "400 Bad Request", "Body expected in request.")

    def test_wrong_type(self) -> None:
        """A wrong type is told with the library's long text."""
        answer = self.cloud.call("POST", "/v2/images", {"name": 1})
        self.refused(answer, "400 Bad Request", NAME_IS_ONE)

    def test_refused_attributes(self) -> None:
        """Attributes of the service's own, reserved ones and another's image are 403."""
        for body, text in (
            ({"self": "x"}, "Attribute &#x27;self&#x27; is read-only."),
            ({"status": "active"}, "Attribute &#x27;status&#x27; is read-only."),
            ({"size": 5}, "Attribute &#x27;size&#x27; is read-only."),
            ({"deleted": "x"}, "Attribute &#x27;deleted&#x27; is reserved."),
            ({"os_glance_x": "x"}, "Attribute &#x27;os_glance_x&#x27; is reserved."),
            (
                {"owner": "other"},
                "You are not permitted to create images owned by &#x27;other&#x27;",
            ),
            (
                {"visibility": "public"},
                "You are not authorized to complete publicize_image action.",
            ),
        ):
            self.refused(self.cloud.call("POST", "/v2/images", body), "403 Forbidden", text)

    def test_numbers_out_of_range(self) -> None:
        """min_disk and min_ram are not negative, and fit the database."""
        answer = self.cloud.call("POST", "/v2/images", {"min_disk": -1})
        self.refused(
            answer,
            "400 Bad Request",
            "Invalid value &#x27;-1&#x27; for parameter &#x27;min_disk&#x27;: "
            "Cannot be a negative value",
        )
        self.assertEqual(self.cloud.call("POST", "/v2/images", {"min_ram": 2**70}).status, 400)

    def test_own_id(self) -> None:
        """The client may choose the id, once; a deleted image's id stays taken."""
        image_id = str(uuid.uuid4())
        self.assertEqual(self.cloud.create(id=image_id), image_id)
        answer = self.cloud.call("POST", "/v2/images", {"id": image_id}, BOB)
        self.refused(answer, "409 Conflict", f"Image ID {image_id} already exists!")
        self.assertEqual(self.cloud.call("DELETE", f"/v2/images/{image_id}").status, 204)
        self.assertEqual(self.cloud.call("POST", "/v2/images", {"id": image_id}).status, 409)
        self.assertEqual(self.cloud.call("POST", "/v2/images", {"id": image_id + "\n"}).status, 400)

    def test_too_many_tags(self) -> None:
        """The 129th tag is 413."""
        answer = self.cloud.call("POST", "/v2/images", {"tags": [str(n) for n in range(129)]})
        self.refused(
            answer,
            "413 Request Entity Too Large",
            "The limit has been exceeded on the number of allowed image tags. "
            "Attempted: 129, Maximum: 128",
        )

    def test_reader(self) -> None:
        """A reader may not create."""
        answer = self.cloud.call("POST", "/v2/images", {}, READER)
        self.refused(
            answer, "403 Forbidden", "You are not authorized to complete add_image action."
        )


class NulTests(CloudCase):
    def test_nowhere(self) -> None:
        """A NUL character is refused wherever it comes, whatever the database."""
        image_id = self.cloud.create()
        path = f"/v2/images/{image_id}"
        for method, where, body in (
            ("POST", "/v2/images", {"name": "a\0b"}),
            ("POST", "/v2/images", {"a\0b": "x"}),
            ("POST", f"{path}/members", {"member": "\0"}),
            ("GET", "/v2/images?name=%00", None),
            ("GET", "/v2/images?marker=%00", None),
            ("GET", "/v2/images/%00", None),
            ("PUT", f"{path}/tags/%00", None),
            ("DELETE", f"{path}/members/%00", None),
        ):
            answer = self.cloud.call(method, where, body)
            self.assertEqual(answer.status, 400, (method, where, answer.body))


class DepthTests(CloudCase):
    def test_bodies(self) -> None:
        """Nesting of any depth is a bad request."""
        for depth in (100, 400, 800, 900, 950, 1000, 50_000):
            deep = b"[" * depth + b"]" * depth
            for text in (b"%s", b'{"name":%s}', b'{"other":%s}'):
                answer = self.cloud.call("POST", "/v2/images", text % deep)
                self.assertEqual(answer.status, 400, (depth, text))
        self.assertEqual(self.flushLoggedErrors(), [])


class PatchTests(CloudCase):
    def setUp(self) -> None:
        super().setUp()
        self.image_id = self.cloud.create(x="1")

    def test_all_operations(self) -> None:
        """Add, replace and remove, of own and custom attributes, in one call."""
        self.cloud.now += 60
        answer = self.cloud.patch(
            self.image_id,
            [
                {"op": "replace", "path": "/name", "value": "new"},
                {"op": "add", "path": "/hw_disk_bus", "value": "virtio"},
                {"op": "remove", "path": "/x"},
                {"op": "replace", "path": "/tags", "value": ["b", "a", "b"]},
                {"op": "add", "path": "/a~1b~0c", "value": "odd"},
            ],
        )
        self.assertEqual(answer.status, 200, answer.body)
        image = self.cloud.call("GET", f"/v2/images/{self.image_id}").json
        self.assertEqual(image, answer.json)
        self.assertEqual((image["name"], image["hw_disk_bus"]), ("new", "virtio"))
        self.assertEqual((image["tags"], image["a/b~c"]), (["a", "b"], "odd"))
        self.assertNotIn("x", image)
        self.assertEqual(image["updated_at"], "2025-11-23T01:30:53Z")

    def test_old_draft(self) -> None:
        """The older media type names the path by the operation."""
        answer = self.cloud.patch(
            self.image_id,
            [{"replace": "/name", "value": "n"}, {"add": "/y", "value": "2"}],
            version="2.0",
        )
        self.assertEqual((answer.json["name"], answer.json["y"]), ("n", "2"))
        answer = self.cloud.patch(self.image_id, [{"add": "/y", "value": "3"}], version="2.0")
        self.refused(answer, "409 Conflict", "Property y already present.")

    def test_refusals(self) -> None:
        """Each bad operation gets Glance's words, and nothing changes."""
        before = self.cloud.call("GET", f"/v2/images/{self.image_id}").json
        for change, status, text in (
            ({"op": "replace", "path": "/id", "value": "x"}, "403 Forbidden",
             "Attribute &#x27;id&#x27; is read-only."),
            ({"op": "replace", "path": "/status", "value": "active"}, "403 Forbidden",
             "Attribute &#x27;status&#x27; is read-only."),
            ({"op": "add", "path": "/deleted", "value": "x"}, "403 Forbidden",
             "Attribute &#x27;deleted&#x27; is reserved."),
            ({"op": "remove", "path": "/name"}, "403 Forbidden",
             "Property name may not be removed."),
            ({"op": "remove", "path": "/nope"}, "409 Conflict", "Property nope does not exist."),
            ({"op": "replace", "path": "/nope", "value": "x"}, "409 Conflict",
             "Property nope does not exist."),
            ({"op": "replace", "path": "/owner", "value": "x"}, "403 Forbidden",
             "Owner can&#x27;t be updated by non admin."),
            ({"op": "replace", "path": "/visibility", "value": "public"}, "403 Forbidden",
             "You are not authorized to complete publicize_image action."),
            ({"op": "replace", "path": "/locations", "value": []}, "403 Forbidden",
             "Cannot set locations to empty list."),
            ({"op": "move", "path": "/name"}, "400 Bad Request",
             "Invalid operation: `move`. It must be one of the following: add, remove, replace."),
            ({"path": "/name"}, "400 Bad Request",
             ("Unable to find `op` in JSON Schema change. It must be one of the following: "
             "add, remove, replace.")),
            ({"op": "add", "value": "x"}, "400 Bad Request",
             "Unable to find &#x27;path&#x27; in JSON Schema change"),
            ({"op": "add", "path": "/x"}, "400 Bad Request",
             "Operation &quot;add&quot; requires a member named &quot;value&quot;."),
            ({"op": "add", "path": "x", "value": "x"}, "400 Bad Request",
             "Pointer `x` does not start with &quot;/&quot;."),
            ({"op": "add", "path": "/x/y", "value": "x"}, "400 Bad Request",
             "Invalid JSON pointer for this resource: &#x27;/x/y&#x27;"),
            ("x", "400 Bad Request", "Operations must be JSON objects."),
        ):  # fmt: skip
            good = {"op": "replace", "path": "/name", "value": "changed"}
            self.refused(self.cloud.patch(self.image_id, [good, change]), status, text)
        self.assertEqual(self.cloud.call("GET", f"/v2/images/{self.image_id}").json, before)

    def test_not_a_list(self) -> None:
        """A patch is a list."""
        answer = self.cloud.patch(self.image_id, {})
        self.refused(
            answer, "400 Bad Request", "Request body must be a JSON array of operation objects."
        )

    def test_media_type(self) -> None:
        """Any other media type is 415, and says which."""
        answer = self.cloud.call(
            "PATCH", f"/v2/images/{self.image_id}", [], accept="application/json"
        )
        self.assertEqual(answer.status, 415)
        self.assertEqual(
            answer.json["message"],
            "The request media type application/json is not supported by this server.\n"
            "<br /><br />\nImage PATCH expects Content-Type one of: "
            "application/openstack-images-v2.0-json-patch, "
            "application/openstack-images-v2.1-json-patch",
        )

    def test_unknown_image(self) -> None:
        """An unknown image is 404, an empty patch or not."""
        answer = self.cloud.patch("nope", [])
        self.refused(answer, "404 Not Found", "No image found with ID nope")

    def test_format_of_an_active_image(self) -> None:
        """Formats stay once there are data."""
        image_id = self.cloud.active()
        answer = self.cloud.patch(
            image_id, [{"op": "replace", "path": "/disk_format", "value": "qcow2"}]
        )
        self.refused(
            answer,
            "403 Forbidden",
            "Attribute disk_format can be only replaced for a queued image.",
        )

    def test_foreign(self) -> None:
        """A foreign image is not there; a public one is, and can't be changed."""
        change = [{"op": "replace", "path": "/name", "value": "x"}]
        answer = self.cloud.patch(self.image_id, change, BOB)
        self.refused(answer, "404 Not Found", f"No image found with ID {self.image_id}")
        publish = [{"op": "replace", "path": "/visibility", "value": "public"}]
        self.assertEqual(self.cloud.patch(self.image_id, publish, ADMIN).status, 200)
        answer = self.cloud.patch(self.image_id, change, BOB)
        self.refused(
            answer, "403 Forbidden", "You are not authorized to complete modify_image action."
        )
        rename = self.cloud.patch(self.image_id, change, ALICE)  # the owner may still rename it
        self.assertEqual(rename.status, 200)


class DeletionTests(CloudCase):
    def test_delete(self) -> None:
        """The image and its volume are gone."""
        image_id = self.cloud.active()
        self.assertEqual(len(self.cloud.blocks.volumes), 1)
        answer = self.cloud.call("DELETE", f"/v2/images/{image_id}")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.cloud.blocks.volumes, {})
        answer = self.cloud.call("GET", f"/v2/images/{image_id}")
        self.refused(answer, "404 Not Found", f"No image found with ID {image_id}")

    def test_protected(self) -> None:
        """A protected image stays."""
        image_id = self.cloud.create(protected=True)
        answer = self.cloud.call("DELETE", f"/v2/images/{image_id}")
        self.refused(
            answer, "403 Forbidden", f"Image {image_id} is protected and cannot be deleted."
        )

    def test_foreign(self) -> None:
        """Another's image is not there to delete."""
        image_id = self.cloud.create()
        answer = self.cloud.call("DELETE", f"/v2/images/{image_id}", user=BOB)
        self.refused(answer, "404 Not Found", f"Failed to find image {image_id} to delete")


class TagTests(CloudCase):
    def test_tags(self) -> None:
        """Tags are put twice, taken away once."""
        image_id = self.cloud.create()
        path = f"/v2/images/{image_id}"
        for _ in range(2):
            self.assertEqual(self.cloud.call("PUT", f"{path}/tags/x86").status, 204)
        self.assertEqual(self.cloud.call("GET", path).json["tags"], ["x86"])
        self.assertEqual(self.cloud.call("DELETE", f"{path}/tags/x86").status, 204)
        answer = self.cloud.call("DELETE", f"{path}/tags/x86")
        self.refused(answer, "404 Not Found", "The resource could not be found.")
        answer = self.cloud.call("PUT", f"{path}/tags/x86", user=BOB)
        self.refused(answer, "404 Not Found", f"Image {image_id} not found.")
        self.assertEqual(self.cloud.call("PUT", f"{path}/tags/{'t' * 256}").status, 400)


class MemberTests(CloudCase):
    def test_sharing(self) -> None:
        """A shared image is seen by its member, listed once accepted, and gone when withdrawn."""
        image_id = self.cloud.create()
        members = f"/v2/images/{image_id}/members"
        self.assertEqual(self.cloud.call("GET", f"/v2/images/{image_id}", user=BOB).status, 404)
        answer = self.cloud.call("POST", members, {"member": "project-bob"})
        self.assertEqual(
            answer.json,
            {
                "member_id": "project-bob",
                "image_id": image_id,
                "status": "pending",
                "created_at": "2025-11-23T01:29:53Z",
                "updated_at": "2025-11-23T01:29:53Z",
                "schema": "/v2/schemas/member",
            },
        )
        self.assertEqual(self.cloud.call("GET", f"/v2/images/{image_id}", user=BOB).status, 200)
        self.assertEqual(self.cloud.call("GET", "/v2/images", user=BOB).json["images"], [])
        mine = f"{members}/project-bob"
        answer = self.cloud.call("PUT", mine, {"status": "accepted"})
        self.refused(
            answer, "403 Forbidden", f"Not allowed to update members for image {image_id}."
        )
        answer = self.cloud.call("PUT", mine, {"status": "accepted"}, BOB)
        self.assertEqual(answer.json["status"], "accepted")
        self.assertEqual(len(self.cloud.call("GET", "/v2/images", user=BOB).json["images"]), 1)
        answer = self.cloud.call("POST", members, {"member": "project-bob"})
        self.refused(
            answer, "409 Conflict", f"Member project-bob is duplicated for image {image_id}"
        )
        self.assertEqual(self.cloud.call("DELETE", mine, user=BOB).status, 403)
        self.assertEqual(self.cloud.call("DELETE", mine).status, 204)
        self.assertEqual(self.cloud.call("GET", f"/v2/images/{image_id}", user=BOB).status, 404)

    def test_members_see_themselves_alone(self) -> None:
        """One member does not see another."""
        image_id = self.cloud.create()
        members = f"/v2/images/{image_id}/members"
        for member in ("project-bob", "project-carol"):
            self.cloud.call("POST", members, {"member": member})
        listed = self.cloud.call("GET", members, user=BOB).json["members"]
        self.assertEqual([member["member_id"] for member in listed], ["project-bob"])
        answer = self.cloud.call("GET", f"{members}/project-carol", user=BOB)
        self.refused(
            answer,
            "404 Not Found",
            f"project-carol not found in the member list of the image {image_id}.",
        )

    def test_bad_input(self) -> None:
        """What is no member or no status is 400."""
        members = f"/v2/images/{self.cloud.create()}/members"
        for body, text in (
            ({}, "Member to be added not specified"),
            ({"member": ""}, "Member can&#x27;t be empty"),
            ([], "Expected a member in the form: {&quot;member&quot;: &quot;image_id&quot;}"),
        ):
            self.refused(self.cloud.call("POST", members, body), "400 Bad Request", text)
        answer = self.cloud.call("PUT", f"{members}/m", {"status": "odd"})
        self.refused(
            answer,
            "400 Bad Request",
            "Incorrect request: Status must be &quot;pending&quot;, &quot;accepted&quot; or "
            "&quot;rejected&quot;.",
        )

    def test_private(self) -> None:
        """Only shared images have members."""
        image_id = self.cloud.create(visibility="private")
        answer = self.cloud.call("GET", f"/v2/images/{image_id}/members")
        self.refused(
            answer,
            "403 Forbidden",
            f"Not allowed to list members for image {image_id}: Only shared images have members.",
        )
