"""
Bodies and queries that nobody would send in good faith: refused, and never our defect.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.compute.cloud import IMAGE, NETWORK, Cloud, asked

_TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "1", "-1", "9" * 40, "\x00", "%", "a/b", "é", "true", "none", "auto", IMAGE, NETWORK]
    ),
)
_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
        _TEXTS,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip
_FIELDS = st.sampled_from(
    [
        "name", "flavorRef", "imageRef", "key_name", "metadata", "user_data", "networks",
        "config_drive", "min_count", "max_count", "availability_zone", "security_groups",
        "description", "tags", "block_device_mapping", "block_device_mapping_v2", "personality",
        "accessIPv4", "accessIPv6", "adminPass", "OS-DCF:diskConfig", "return_reservation_id",
        "hostname", "host", "trusted_image_certificates", "nonsense",
    ]
)  # fmt: skip
_VERSIONS = st.sampled_from(["2.1", "2.19", "2.36", "2.37", "2.42", "2.67", "2.96"])
_QUERIES = st.sampled_from(
    [
        "limit", "marker", "sort_key", "sort_dir", "name", "status", "ip", "flavor", "image",
        "changes-since", "changes-before", "tags", "all_tenants", "power_state", "is_public",
        "minRam", "minDisk", "fields", "fixed_ips", "mtu", "shared", "page_reverse", "user_id",
    ]
)  # fmt: skip
_LISTS = st.sampled_from(
    [
        "/compute/v2.1/servers", "/compute/v2.1/servers/detail", "/compute/v2.1/flavors",
        "/compute/v2.1/os-keypairs", "/network/v2.0/networks", "/network/v2.0/ports",
        "/network/v2.0/subnets", "/compute/v2.1/limits",
    ]
)  # fmt: skip
_QUIET = settings(max_examples=150, suppress_health_check=list(HealthCheck))


class HostileTests(SynchronousTestCase):
    """
    One cloud for all examples: most of them leave nothing behind.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def _sound(self, answer: Any) -> None:
        self.assertLess(answer.status, 500, answer.body)
        self.assertEqual(self.flushLoggedErrors(), [])

    @_QUIET
    @given(fields=st.dictionaries(_FIELDS, _VALUES, max_size=3), version=_VERSIONS)
    def test_servers(self, fields: dict[str, Any], version: str) -> None:
        """A good body with up to three fields made strange."""
        body = {"server": {**asked(networks=[{"uuid": NETWORK}]), **fields}}
        self._sound(self.cloud.nova("POST", "/servers", body, version=version))

    @_QUIET
    @given(body=_VALUES, version=_VERSIONS)
    def test_any_body(self, body: Any, version: str) -> None:
        """Any JSON at all, to every call that takes some."""
        for method, path in (
            ("POST", "/servers"),
            ("POST", "/os-keypairs"),
            ("POST", "/servers/x/action"),
            ("PUT", "/servers/x"),
            ("PUT", "/servers/x/tags"),
            ("POST", "/servers/x/metadata"),
        ):
            self._sound(self.cloud.nova(method, path, body, version=version))
        self._sound(self.cloud.neutron("POST", "/networks", body))

    @_QUIET
    @given(name=st.text(max_size=8), key=_VALUES, version=_VERSIONS)
    def test_keypairs(self, name: str, key: Any, version: str) -> None:
        """Names and keys of any kind."""
        body = {"keypair": {"name": name, "public_key": key}}
        self._sound(self.cloud.nova("POST", "/os-keypairs", body, version=version))

    @_QUIET
    @given(
        path=_LISTS,
        pairs=st.lists(st.tuples(_QUERIES, _TEXTS), max_size=3),
        version=_VERSIONS,
    )
    def test_queries(self, path: str, pairs: list[tuple[str, str]], version: str) -> None:
        """Any value for the names that lists know."""
        query = "&".join(f"{name}={quote(value)}" for name, value in pairs)
        for user in ("alice", "root"):
            self._sound(self.cloud.call("GET", f"{path}?{query}", user=user, version=version))

    def test_nul(self) -> None:
        """No text of a database has it, so nothing is called so."""
        for path in ("/servers/%00", "/servers?marker=%00", "/flavors/%00", "/os-keypairs/%00"):
            answer = self.cloud.nova("GET", path)
            self.assertEqual(
                answer.json,
                {"badRequest": {"code": 400, "message": "The URL contains a NUL character."}},
            )
        self.assertEqual(self.cloud.neutron("GET", "/networks?name=%00").status, 400)
        answer = self.cloud.nova("POST", "/servers", {"server": asked(flavorRef="\0")})
        self.assertEqual(answer.json["badRequest"]["message"], "Flavor \0 could not be found.")

    def test_depth(self) -> None:
        """Of every part of a body."""
        for depth in (100, 400, 800, 900, 950, 1000, 50_000):
            deep = b"[" * depth + b"]" * depth
            for text in (b"%s", b'{"server":%s}', b'{"server":{"name":%s}}'):
                answer = self.cloud.nova("POST", "/servers", text % deep)
                self.assertEqual(answer.status, 400, (depth, text))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_no_body(self) -> None:
        """To Nova it is null, but where the body's one key says what to do."""
        for method, path, message in (
            ("POST", "/servers", "None is not of type 'object'"),
            ("POST", "/os-keypairs", "None is not of type 'object'"),
            ("PUT", "/servers/x", "None is not of type 'object'"),
            ("POST", "/servers/x/metadata", "None is not of type 'object'"),
            ("POST", "/servers/x/action", "Malformed request body"),
        ):
            answer = self.cloud.nova(method, path)
            self.assertEqual(answer.json, {"badRequest": {"code": 400, "message": message}}, path)

    def test_media_types(self) -> None:
        """JSON, and what servers in front of Nova make of none; else 415."""
        for media, status in (
            ("application/json; charset=utf-8", 400),
            ("application/vnd.openstack.compute+json", 400),
            ("text/plain", 400),
            ("application/xml", 415),
            ("application/x-www-form-urlencoded", 415),
        ):
            answer = self.cloud.nova("POST", "/servers", b"{}", headers={"Content-Type": media})
            self.assertEqual(answer.status, status, media)
        self.assertEqual(
            answer.json, {"badMediaType": {"code": 415, "message": "Unsupported Content-Type"}}
        )

    def test_too_large(self) -> None:
        """Beyond 112 KiB, as Nova's own limit has it."""
        for size, status in ((112 * 1024, 400), (112 * 1024 + 1, 413)):
            answer = self.cloud.nova("POST", "/servers", b"{" + b" " * (size - 2) + b"}")
            self.assertEqual(answer.status, status)
