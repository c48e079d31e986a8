"""Packet rules as values: from any set of rules to any other, and what numbers and names are."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ganetid.network.addresses import plain_address, plain_network
from ganetid.network.names import chain_suffix, table_name, tap_name
from ganetid.network.numbers import (
    LAST_PORT,
    NoNumberLeft,
    identity,
    numbered,
    port_of_identity,
    service_address,
)
from ganetid.network.ports import (
    GroupPlan,
    NetworkPlan,
    Plugged,
    PortPlan,
    SecurityRule,
    Vxlan,
)
from ganetid.network.rules.filters import match_of
from ganetid.network.rules.firewall import inet_table
from ganetid.network.rules.groups import group_part
from ganetid.network.rules.guard import bridge_table, spelt_network
from ganetid.network.rules.listing import present_in
from ganetid.network.rules.ruleset import (
    Chain,
    Elements,
    Present,
    Table,
    part_of,
    present_of,
    present_with,
    script,
)
from ganetid.network.state import NetworkState
from ganetid.network.vlan_notation import BadVlan, Membership, membership
from ganetid.network.vlans import vlan_lines

names = st.sampled_from(["a", "b", "c", "d"])
verdicts = st.sampled_from(["accept", "drop", "return"])
chains = st.dictionaries(
    names,
    st.lists(verdicts.map(lambda verdict: f"ip saddr 192.0.2.1 {verdict}"), min_size=1, max_size=3)
    .map(tuple)
    .map(Chain),
)
addresses = st.integers(1, 6).map(lambda number: f"10.0.0.{number}")
sets = st.fixed_dictionaries(
    {},
    optional={
        "s": st.builds(Elements, st.just("set"), st.just("ipv4_addr"), st.just(""),
                       st.dictionaries(addresses, st.just(""))),
        "m": st.builds(Elements, st.just("map"), st.just("ifname . ipv4_addr : verdict"),
                       st.just(""),
                       st.dictionaries(addresses.map(lambda a: f"e0 . {a}"), verdicts)),
        "i": st.builds(Elements, st.just("set"), st.just("ipv4_addr"), st.just("interval"),
                       st.dictionaries(st.integers(0, 9).map(lambda n: f"10.{n}.0.0/16"),
                                       st.just(""))),
    },
)  # fmt: skip
tables = st.builds(lambda chains, sets: Table("inet", "t", chains, sets), chains, sets)


class GroupTests(SynchronousTestCase):
    """Security groups among the rules of many NICs."""

    def state(self, *members: str, rules: tuple[SecurityRule, ...] = ()) -> NetworkState:
        state = NetworkState("c").with_networks({"net": NetworkPlan("net", "br0")})
        for number in range(60):
            port = PortPlan(f"u{number}", f"fa:16:3e:00:00:{number:02x}", network="net",
                            groups=("g",))  # fmt: skip
            state = state.with_plugged(Plugged(f"i{number}", (port,)))
        rule = SecurityRule("in", remote_group="g")
        return evolve(state, groups={"g": GroupPlan("g", members, (rule, *rules))})

    def test_one_more_member(self) -> None:
        """One more member is one more element, however many NICs are in the group."""
        old, new = self.state("10.0.0.1", "fd00::1"), self.state("10.0.0.1", "fd00::1", "10.0.0.9")
        before = present_of(inet_table(old))
        lines = script(group_part(new), part_of(before, group_part(old))).splitlines()
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], r"^add element inet ganetid_c group4_\w+ { 10.0.0.9 }$")

    def test_part_is_of_the_whole(self) -> None:
        """After the groups' part has changed all is as if the whole table had."""
        more = (SecurityRule("in", remote_group="other"), SecurityRule("out"))
        old, new = self.state("10.0.0.1"), self.state("10.0.0.2", rules=more)
        for first, second in ((old, new), (new, old), (new, evolve(new, groups={}))):
            after = present_with(
                present_of(inet_table(first)), group_part(first), group_part(second)
            )
            self.assertEqual(after, present_of(inet_table(second)))


class AddressTests(SynchronousTestCase):
    """Addresses out of users' text."""

    def test_zones(self) -> None:
        """A zone, which may be any text, gets nowhere near a program of nft."""
        for text in ("fd00::1%} ; flush ruleset", "fe80::1%eth0", "%", "1.2.3.4%x"):
            for read in (plain_address, plain_network):
                with self.assertRaises(ValueError):
                    read(text)
        with self.assertRaises(ValueError):
            spelt_network(ipaddress.ip_network("fd00::%x y/64"))
        self.assertEqual(str(plain_network("fd00::1/64")), "fd00::/64")


class ScriptTests(SynchronousTestCase):
    """Scripts that the real nft takes."""

    def setUp(self) -> None:
        if shutil.which("nft") is None or shutil.which("unshare") is None:
            raise SkipTest("there is no nft")
        said = subprocess.run(["unshare", "--net", "true"], capture_output=True)
        if said.returncode:
            raise SkipTest("no network namespaces can be made here")

    def after(self, scripts: list[str]) -> list[Present]:
        """What a new kernel table is after each of the scripts, all in one namespace."""
        steps = "".join(
            f"nft -f - <<'END' && nft -j list table inet t && echo\n{text}END\n" for text in scripts
        )
        said = subprocess.run(
            ["unshare", "--net", "sh", "-e", "-c", steps], capture_output=True, text=True
        )
        self.assertEqual(said.stderr, "")
        return [present_in(line) for line in said.stdout.splitlines() if line]

    @settings(max_examples=12)
    @given(st.lists(tables, min_size=1, max_size=8))
    def test_from_any_to_any(self, wanted: list[Table]) -> None:
        """The kernel has after each script what was wanted, and a second script is empty."""
        scripts, before = [], None
        for table in wanted:
            scripts.append(script(table, before))
            before = present_of(table)
            self.assertEqual(script(table, before), "")
        for table, present in zip(wanted, self.after(scripts), strict=True):
            self.assertEqual(script(table, present), "")

    def test_whole_tables(self) -> None:
        """The real tables of a node are read back just as they were written."""
        state = NetworkState("c").with_networks({
            "n1": NetworkPlan("n1", "br1", subnet="10.7.0.0/24", gateway="10.7.0.1"),
            "n2": NetworkPlan("n2", "vxlan:9", vxlan=Vxlan(9), mac_prefix="aa:00:01",
                              mac_filtered=True),
        })  # fmt: skip
        rules = (SecurityRule("in", remote_group="g"), SecurityRule("out", "ipv6"))
        port = PortPlan("u", "fa:16:3e:00:00:01", ("10.7.0.5", "fd00::5"), "n1", rules=rules)
        state = state.with_plugged(Plugged("i", (port,), metadata={"a": b""}))
        for table in (bridge_table(state), inet_table(state)):
            text = script(table, None)
            listing = f"nft -f - <<'END' && nft -j list table {table.title}\n{text}END\n"
            said = subprocess.run(
                ["unshare", "--net", "sh", "-c", listing], capture_output=True, text=True
            )
            self.assertEqual(said.stderr, "")
            self.assertEqual(script(table, present_in(said.stdout)), "")


class MatchTests(SynchronousTestCase):
    """What of a security group becomes of rules."""

    def test_matches(self) -> None:
        """Protocols, ports and remotes as nft writes them."""
        rule = SecurityRule("in", "ipv4", "tcp", 22)
        for changed, text in (
            (rule, "meta nfproto ipv4 tcp dport 22"),
            (evolve(rule, port_max=80), "meta nfproto ipv4 tcp dport 22-80"),
            (evolve(rule, port_min=None), "meta nfproto ipv4 meta l4proto tcp"),
            (evolve(rule, remote="10.0.0.0/8"),
             "meta nfproto ipv4 ip saddr 10.0.0.0/8 tcp dport 22"),
            (evolve(rule, remote="0.0.0.0/0"), "meta nfproto ipv4 tcp dport 22"),
            (SecurityRule("out", "ipv6", "icmp", 128, 0),
             "meta nfproto ipv6 meta l4proto ipv6-icmp icmpv6 type 128 icmpv6 code 0"),
            (SecurityRule("in", protocol="47"), "meta nfproto ipv4 meta l4proto 47"),
        ):  # fmt: skip
            self.assertEqual(match_of(changed), text)

    @given(st.builds(
        SecurityRule, st.sampled_from(["in", "out"]), st.sampled_from(["ipv4", "ipv6"]),
        st.one_of(st.none(), st.text(max_size=12)), st.one_of(st.none(), st.integers()),
        st.one_of(st.none(), st.integers()), st.one_of(st.none(), st.text(max_size=20)),
        st.one_of(st.none(), st.text(max_size=20)),
    ))  # fmt: skip
    def test_nothing_slips_in(self, rule: SecurityRule) -> None:
        """Whatever a tenant writes is refused, or a match of harmless words."""
        try:
            text = match_of(rule)
        except ValueError:
            return
        self.assertRegex(text, r"\A[a-zA-Z0-9 .:/@_-]+\Z")


class NumberTests(SynchronousTestCase):
    """Numbers of networks and NICs."""

    @given(st.lists(st.text(max_size=5), unique=True, max_size=20), st.text(max_size=5))
    def test_unique(self, wanted: list[str], cluster: str) -> None:
        """Each gets one of its own, keeps it, and takes none that is taken."""
        first = numbered(cluster, {}, wanted[::2], (), 30)
        again = numbered(cluster, first, wanted, (), 30)
        self.assertEqual(len(set(again.values())), len(wanted))
        self.assertLessEqual(first.items(), again.items())
        others = numbered(cluster, {}, ["x"], again.values(), 30)
        self.assertNotIn(others["x"], again.values())

    def test_all_taken(self) -> None:
        """When none is left that is said."""
        self.assertRaises(NoNumberLeft, numbered, "c", {}, ["x"], range(1, 31), 30)

    @given(st.integers(1, LAST_PORT), st.integers(0, 255), st.text(max_size=9))
    def test_identity(self, port: int, index: int, cluster: str) -> None:
        """An identity tells its NIC, and is never the service's address."""
        self.assertEqual(port_of_identity(identity(port, index)), port)
        self.assertNotEqual(identity(port, index), service_address(cluster))
        self.assertRaises(ValueError, port_of_identity, service_address(cluster))

    @given(st.ip_addresses(v=4))
    def test_strangers(self, address: ipaddress.IPv4Address) -> None:
        """No address outside the range is anybody's."""
        if address not in ipaddress.ip_network("240.0.0.0/8"):
            self.assertRaises(ValueError, port_of_identity, str(address))

    @given(st.text(max_size=40), st.text(max_size=40))
    def test_names(self, one: str, other: str) -> None:
        """Names fit the kernel and are never the same for two things."""
        self.assertLessEqual(len(tap_name(one, other)), 15)
        self.assertRegex(chain_suffix(one), r"\A[A-Za-z0-9_]+\Z")
        self.assertRegex(table_name(one), r"\A[A-Za-z0-9_]+\Z")
        self.assertEqual(chain_suffix(one) == chain_suffix(other), one == other)


class VlanTests(SynchronousTestCase):
    """Ganeti's notation of VLANs."""

    def test_notation(self) -> None:
        """Access, trunk, both, and a bare number."""
        for text, wanted in (
            (".10", Membership(10)),
            ("10", Membership(10)),
            (":10:20", Membership(None, (10, 20))),
            (".10:20:30", Membership(10, (20, 30))),
            ("", Membership()),
        ):
            self.assertEqual(membership(text), wanted)
        for bad in (".0", ".4095", ":", "x", ".1.2", "10:20x", ". 1"):
            self.assertRaises(BadVlan, membership, bad)

    def test_lines(self) -> None:
        """A port leaves all other VLANs, the usual one too."""
        self.assertEqual(
            vlan_lines("t", Membership(10, (20,))),
            ("vlan del dev t vid 1-4094", "vlan add dev t vid 10 pvid untagged",
             "vlan add dev t vid 20"),
        )  # fmt: skip
