"""
Decisions of the compute service that need no database.
"""

from __future__ import annotations

import json
import re
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.rules import config_drive
from synnefo_tx.compute.rules.create_request import hostname_of, random_password, read_request
from synnefo_tx.compute.rules.name_patterns import check_pattern, is_plain
from synnefo_tx.compute.rules.paging import limit_and_marker
from synnefo_tx.compute.rules.placement import Candidate, NoClusterLeft, choose_cluster
from synnefo_tx.compute.rules.states import filters_of, status
from synnefo_tx.compute.rules.validation import is_uuid, moment_us
from synnefo_tx.errors import BadRequest
from tests.synnefo_tx.compute.cloud import asked

_TASKS = (
    *(None, "rebooting", "rebooting_hard", "powering-off", "deleting", "spawning", "migrating"),
    *("resize_prep", "resize_finish", "resize_reverting", "rebuilding", "updating_password"),
)
_STATES = (
    *("active", "building", "stopped", "error", "deleted", "resized", "paused", "suspended"),
    *("rescued", "soft-delete", "shelved", "shelved_offloaded"),
)
_STATUSES = (
    *("ACTIVE", "REBOOT", "HARD_REBOOT", "BUILD", "SHUTOFF", "ERROR", "DELETED", "PASSWORD"),
    *("REBUILD", "MIGRATING", "RESIZE", "VERIFY_RESIZE", "REVERT_RESIZE", "PAUSED", "SUSPENDED"),
    *("RESCUE", "SOFT_DELETED", "SHELVED", "SHELVED_OFFLOADED"),
)


class StateTests(SynchronousTestCase):
    """
    Statuses, and back.
    """

    @given(st.sampled_from(_STATES), st.sampled_from(_TASKS), st.data())
    def test_filters_find_what_is_shown(
        self, vm_state: str, task: str | None, data: st.DataObject
    ) -> None:
        """A server is found by a set of statuses exactly when it is shown as one of them."""
        wanted = data.draw(st.sets(st.sampled_from(_STATUSES)))
        found = any(
            part.vm_state == vm_state and ((task in part.tasks) != part.others)
            for part in filters_of(wanted)
        )
        self.assertEqual(found, status(vm_state, task) in wanted)


class NamePatternTests(SynchronousTestCase):
    """
    Patterns that users filter with.
    """

    def test_ordinary_ones_pass(self) -> None:
        """As openstack's and tempest's users write them."""
        for pattern in (
            "web",
            "^web-[0-9]+$",
            r"^tempest.*\-instance\-[0-9]$",
            "a|b",
            "x{3}",
            "a?",
        ):
            self.assertEqual(check_pattern("name", pattern), pattern)

    def test_costly_ones_are_refused(self) -> None:
        """Those that make Python's matcher go back over and over."""
        for pattern in (
            "(a+)+$",
            "(a|a)*$",
            "(a?){40}",
            ".*.*.*.*x",
            "x?x?x?x?x",
            "(a|aa)(a|aa)(a|aa)(a|aa)",
            r"(a*)\1",
            "(?=a*)a",
            "a" * 256,
            "((((",
            "[",
        ):
            self.assertRaises(BadRequest, check_pattern, "name", pattern)

    @given(st.text(alphabet="ab.*+?|()[]{},^$\\d1-", max_size=24))
    def test_what_passes_is_quick(self, pattern: str) -> None:
        """Even against a name made to be slow."""
        try:
            check_pattern("name", pattern)
        except BadRequest:
            return
        started = time.process_time()
        for name in ("a" * 255, "ab" * 127, "1-" * 127):
            re.search(pattern, name)
        self.assertLess(time.process_time() - started, 2.5)

    @given(st.text())
    def test_plain_texts_mean_themselves(self, text: str) -> None:
        """A text without signs matches as a pattern just where it occurs."""
        if is_plain(text):
            self.assertIsNotNone(re.search(text, f"x{text}y"))


class RequestTests(SynchronousTestCase):
    """
    Bodies of POST /servers.
    """

    def test_defaults(self) -> None:
        """What is meant when little is said."""
        request = read_request({"server": asked(flavorRef=1)}, (2, 1))
        self.assertEqual(request.flavor_id, "1")
        self.assertEqual((request.min_count, request.max_count), (1, 1))
        self.assertEqual(request.security_groups, ("default",))
        self.assertIsNone(request.networks)
        self.assertEqual(len(request.admin_password), 12)
        self.assertEqual(request.description, "w")
        self.assertIsNone(read_request({"server": asked()}, (2, 19)).description)

    def test_counts_in_strings(self) -> None:
        """Max is at least min; a number of many digits is no number."""
        request = read_request({"server": asked(min_count="2")}, (2, 1))
        self.assertEqual((request.min_count, request.max_count), (2, 2))
        for digits in (19, 5000):
            body = {"server": asked(max_count="9" * digits)}
            self.assertRaises(BadRequest, read_request, body, (2, 1))

    def test_hostnames(self) -> None:
        """Made of a server's name as Nova makes them."""
        for name, host in (
            ("web", "web"),
            ("My Web_1.x", "my-web-1-x"),
            ("-.a.-", "a"),
            ("αβγ", "server-id"),
            ("x" * 80, "x" * 63),
            ("é", "server-id"),
        ):
            self.assertEqual(hostname_of(name, "id"), host, name)

    @given(st.text(max_size=255))
    def test_any_name_makes_a_hostname(self, name: str) -> None:
        """Letters, digits and inner hyphens, at most 63."""
        self.assertRegex(hostname_of(name, "0" * 8), r"\A[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")

    def test_passwords(self) -> None:
        """Each kind of character is in it."""
        for _ in range(20):
            made = random_password()
            self.assertRegex(made, r"[a-z]")
            self.assertRegex(made, r"[A-Z]")
            self.assertRegex(made, r"[0-9]")


class SmallRuleTests(SynchronousTestCase):
    """
    Placement, identifiers, moments and pages.
    """

    def test_placement(self) -> None:
        """The first cluster that is not drained; none at all is said."""
        full, free = Candidate("a", drained=True), Candidate("b", drained=False)
        self.assertEqual(choose_cluster([full, free]), "b")
        self.assertRaises(NoClusterLeft, choose_cluster, [full])

    def test_uuids(self) -> None:
        """With or without hyphens, in any case; nothing else."""
        good = "8159bf71-7e74-41ba-8c1e-dccbb911d933"
        for text in (good, good.upper(), good.replace("-", "")):
            self.assertTrue(is_uuid(text))
        for wrong in ("", "x", good[:-1], 1, None, good + "0"):
            self.assertFalse(is_uuid(wrong))

    def test_moments(self) -> None:
        """UTC unless they say otherwise."""
        expected = 1_763_861_393_000_000
        for text in (
            "2025-11-23T01:29:53Z",
            "2025-11-23T01:29:53",
            "2025-11-23 01:29:53",
            "2025-11-23T03:29:53+02:00",
        ):
            self.assertEqual(moment_us(text), expected)
        self.assertEqual(moment_us("2025-11-23"), 1_763_856_000_000_000)
        self.assertRaises(ValueError, moment_us, "yesterday")

    def test_limits(self) -> None:
        """The last one counts, and 1000 is the most."""
        for asked_for, limit in (
            ([], 1000),
            (["5"], 5),
            (["5", "7"], 7),
            (["0"], 0),
            (["1001"], 1000),
            (["9" * 30], 1000),
            (["0005"], 5),
        ):
            self.assertEqual(limit_and_marker({"limit": asked_for}), (limit, None))

    def test_drive_without_extras(self) -> None:
        """No user data, no keys, no networks: the files are there and say so."""
        guest = config_drive.Guest(
            server_id="i",
            name="n",
            hostname="n",
            project_id="p",
            launch_index=0,
            availability_zone="nova",
            admin_password="x",
            key_name=None,
            public_key=None,
            metadata={},
            user_data=None,
            interfaces=(),
        )
        drive = config_drive.contents(guest)
        self.assertEqual(
            sorted(drive),
            [
                f"openstack/{release}/{name}"
                for release in ("2018-08-27", "latest")
                for name in ("meta_data.json", "network_data.json", "vendor_data.json")
            ],
        )
        told = json.loads(drive["openstack/latest/meta_data.json"])
        self.assertNotIn("public_keys", told)
        self.assertEqual(
            json.loads(drive["openstack/latest/network_data.json"]),
            {"links": [], "networks": [], "services": []},
        )
