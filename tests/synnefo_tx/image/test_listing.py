"""
Lists of images: who sees what, filters, order, pages.
"""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import BadRequest
from synnefo_tx.image.rules.listing import SORT_KEYS, listing
from tests.synnefo_tx.image.cloud import ADMIN, ALICE, BOB, Cloud, page


class ListCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def names(self, query: str = "", user: str = ALICE) -> list[str]:
        answer = self.cloud.call("GET", f"/v2/images{query}", user=user)
        self.assertEqual(answer.status, 200, answer.body)
        return [image["name"] for image in answer.json["images"]]


class VisibilityTests(ListCase):
    def setUp(self) -> None:
        super().setUp()
        for visibility in ("private", "shared", "community"):
            self.cloud.create(name=f"bob-{visibility}", visibility=visibility, user=BOB)
        self.cloud.create(name="public", visibility="public", user=ADMIN)
        self.cloud.create(name="mine", user=ALICE)

    def test_default_view(self) -> None:
        """Mine and the public ones; others' community images only when asked for."""
        self.assertEqual(set(self.names()), {"mine", "public"})
        self.assertEqual(self.names("?visibility=community"), ["bob-community"])
        self.assertEqual(set(self.names("?visibility=all")), {"mine", "public", "bob-community"})

    def test_owner_sees_own(self) -> None:
        """The owner sees all its own."""
        self.assertEqual(
            set(self.names(user=BOB)), {"bob-private", "bob-shared", "bob-community", "public"}
        )

    def test_admin_sees_all(self) -> None:
        """An administrator sees everybody's."""
        self.assertEqual(len(self.names("?visibility=all", user=ADMIN)), 5)

    def test_owner_filter_does_not_widen(self) -> None:
        """Asking for another project's images shows no more than before."""
        self.assertEqual(self.names("?owner=project-bob"), [])


class FilterTests(ListCase):
    def test_filters(self) -> None:
        """Each filter picks its image."""
        small = self.cloud.active(name="small", data=b"x" * 10, tags=["a", "b"], os_x="1")
        self.cloud.active(name="big", data=b"x" * 5000, tags=["a"], min_disk=3)
        self.cloud.create(name="qc", disk_format="qcow2", os_hidden=True)
        self.cloud.create(name="with,comma", container_format="ovf", protected=True)
        every = {"small", "big", "with,comma"}
        for query, wanted in (
            ("?name=small", {"small"}),
            (f"?id=in:{small}", {"small"}),
            ("?name=in:" + quote('small,"with,comma"'), {"small", "with,comma"}),
            ("?status=active", {"small", "big"}),
            ("?disk_format=raw", every),
            ("?container_format=ovf", {"with,comma"}),
            ("?tag=a&tag=b", {"small"}),
            ("?tag=a", {"small", "big"}),
            ("?size_min=11", {"big"}),
            ("?size_max=10", {"small"}),
            ("?min_disk=3", {"big"}),
            ("?os_hidden=true", {"qc"}),
            ("?protected=true", {"with,comma"}),
            ("?os_x=1", {"small"}),
            ("?os_x=2", set()),
            ("?a%22b=2", set()),
            ("?owner=project-alice", every),
            ("?created_at=gte:2025-11-23T01:29:53Z", every),
            ("?created_at=gt:2025-11-23T01:29:53Z", set()),
            ("?created_at=2025-11-23T01:29:53Z", every),
        ):
            self.assertEqual(set(self.names(query)), wanted, query)

    def test_bad_filters(self) -> None:
        """Each in Glance's words."""
        for query, text in (
            ("limit=x", "limit param must be an integer"),
            ("limit=-1", "limit param must be positive"),
            ("sort_dir=up", "Invalid sort direction: up"),
            (
                "sort_key=owner",
                (
                    "Invalid sort key: owner. It must be one of the following: name, status, "
                    "container_format, disk_format, size, id, created_at, updated_at."
                ),
            ),
            ("sort=name&sort_key=name", "Old and new sorting syntax cannot be combined"),
            (
                "sort_key=name&sort_dir=asc&sort_dir=asc",
                "Number of sort dirs does not match the number of sort keys",
            ),
            ("visibility=odd", "Invalid visibility value: odd"),
            ("member_status=odd", "Invalid status: odd"),
            ("size_min=x", "Unable to filter on a range with a non-numeric value."),
            (
                "os_hidden=x",
                (
                    "Invalid value &#x27;x&#x27; for &#x27;os_hidden&#x27; filter. "
                    "Valid values are &#x27;true&#x27; or &#x27;false&#x27;."
                ),
            ),
            ("name=like:x", "Unable to filter by unknown operator &#x27;like&#x27;."),
            ("marker=nope", "No image found with ID nope"),
            (
                "created_at=lt:x",
                "Bad &quot;created_at&quot; query filter format. Use ISO 8601 DateTime notation.",
            ),
        ):
            answer = self.cloud.call("GET", f"/v2/images?{query}")
            self.assertEqual(answer.body.decode(), page("400 Bad Request", text))


class QueryTests(SynchronousTestCase):
    @settings(max_examples=200)
    @given(st.lists(st.tuples(st.sampled_from(("limit", "sort", "sort_key", "name", "size_min",
                                               "created_at", "tag", "x", "visibility")),
                              st.text(max_size=12))))  # fmt: skip
    def test_any_query_is_a_listing_or_a_bad_request(self, pairs: list[tuple[str, str]]) -> None:
        """No query breaks the reading of it."""
        try:
            found = listing(pairs)
        except BadRequest:
            return
        self.assertIn("id", [key for key, _ in found.sort])


class PageTests(ListCase):
    def setUp(self) -> None:
        super().setUp()
        for number in range(7):
            self.cloud.now += 1
            name = None if number == 3 else f"n{number % 3}"
            self.cloud.create(name=name, tags=[str(number)])

    def walk(self, query: str) -> list[str]:
        """Follow the links to the end."""
        seen: list[str] = []
        path: str | None = f"/v2/images?{query}"
        while path is not None:
            answer = self.cloud.call("GET", path).json
            seen += [image["tags"][0] for image in answer["images"]]
            path = answer.get("next")
        return seen

    def test_newest_first(self) -> None:
        """Without a wish the newest come first."""
        self.assertEqual(self.walk("limit=2"), list("6543210"))

    def test_every_order_shows_each_once(self) -> None:
        """Whatever the key, direction and page length, each image is on one page."""
        for key in SORT_KEYS:
            for direction in ("asc", "desc"):
                for limit in (1, 3, 7):
                    seen = self.walk(f"limit={limit}&sort_key={key}&sort_dir={direction}")
                    whole = self.walk(f"limit=100&sort_key={key}&sort_dir={direction}")
                    self.assertEqual(seen, whole)
                    self.assertEqual(sorted(seen), list("0123456"))

    def test_two_keys(self) -> None:
        """Several keys, each with its direction; no name comes before any."""
        self.assertEqual(self.walk("limit=2&sort=name:asc,created_at:desc"), list("3604152"))

    def test_links(self) -> None:
        """Links keep the query and are relative to the service, as Glance's are."""
        answer = self.cloud.call("GET", "/v2/images?limit=1&tag=6").json
        last = answer["images"][0]["id"]
        self.assertEqual(answer["first"], "/v2/images?limit=1&tag=6")
        self.assertEqual(answer["next"], f"/v2/images?limit=1&tag=6&marker={last}")
        self.assertEqual(answer["schema"], "/v2/schemas/images")
        self.assertNotIn("next", self.cloud.call("GET", "/v2/images").json)

    def test_none(self) -> None:
        """limit=0 is an empty page."""
        answer = self.cloud.call("GET", "/v2/images?limit=0").json
        self.assertEqual(answer["images"], [])
        self.assertNotIn("next", answer)
