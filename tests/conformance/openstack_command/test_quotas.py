"""
Quotas and limits by the `openstack` command: one table of numbers, seen by three services.
"""

from __future__ import annotations

from typing import Any

from tests.conformance.openstack_command.shell import Who
from tests.conformance.openstack_command.steps import Does, Fails, Lists, TypingCase

_PROJECT = "Project ID"


class QuotaTests(TypingCase):
    """Each test has a project of its own."""

    def project(self, name: str) -> str:
        self.steps(Does(f"project create {name}"))
        self.addCleanup(self.steps, Does(f"project delete {name}"))
        return str(self.value(f"project show {name}", "id"))

    def numbers(self, command: str, column: str = "Limit", who: Who | None = None) -> Any:
        """
        What a list of quotas or limits says of each resource.
        """
        said = self.shell.type(f"{command} -f json", who)
        self.assertEqual(said.status, 0, (command, said.err))
        return {row.get("Resource") or row["Name"]: row[column] for row in said.json}

    def agrees(self, command: str, **limits: int) -> None:
        """
        The quotas that the command shows have, among others, these limits.
        """
        shown = self.numbers(command)
        self.assertEqual((command, {name: shown.get(name) for name in limits}), (command, limits))

    def test_of_three_services(self) -> None:
        """Set together, shown apart and together, listed, and gone again."""
        name = "quota-all"
        project_id = self.project(name)
        usual = self.numbers(f"quota show {name}")
        self.assertEqual(usual, self.numbers(f"quota show {name} --default"))
        for service in ("compute", "volume", "network"):
            self.steps(Lists(f"quota list --{service}", _PROJECT))
        self.steps(
            Does(
                f"quota set {name} --cores 3 --ram 1024 --properties 7 --gigabytes 11 "
                "--per-volume-gigabytes 5 --ports 13 --secgroups 2"
            ),
        )
        self.agrees(f"quota show {name} --compute", cores=3, ram=1024, properties=7, instances=20)
        self.agrees(f"quota show {name} --volume", gigabytes=11, snapshots=10)
        self.agrees(f"quota show {name} --network", ports=13, security_groups=2, networks=100)
        self.agrees(f"quota show {name}", cores=3, gigabytes=11, ports=13, security_groups=2)
        for service in ("compute", "volume", "network"):
            self.steps(Lists(f"quota list --{service}", _PROJECT, project_id))
        self.steps(Does(f"quota delete {name} --volume"))
        self.agrees(f"quota show {name}", cores=3, gigabytes=1000, ports=13)
        self.steps(Does(f"quota delete {name}"))
        self.assertEqual(self.numbers(f"quota show {name}"), usual)
        for service in ("compute", "volume", "network"):
            self.steps(Lists(f"quota list --{service}", _PROJECT))

    def test_usage(self) -> None:
        """Nothing so far; the cloud's own project has its network."""
        name = "quota-usage"
        self.project(name)
        used = self.numbers(f"quota show {name} --usage", "In Use")
        for resource in ("cores", "instances", "gigabytes", "volumes", "ports", "networks"):
            self.assertEqual((resource, used[resource]), (resource, 0))
        limits = self.numbers(f"quota show {name} --usage")
        self.assertEqual((limits["cores"], limits["gigabytes"], limits["ports"]), (40, 1000, 500))
        reserved = self.numbers(f"quota show {name} --usage", "Reserved")
        self.assertEqual(set(reserved.values()), {0})

    def test_defaults(self) -> None:
        """New ones hold for whom nobody has set any."""
        one, other = "quota-usual", "quota-own"
        self.project(one)
        self.project(other)
        before = self.numbers("quota show --default")
        self.addCleanup(
            self.steps,
            Does(
                f"quota set --default default --cores {before['cores']} "
                f"--snapshots {before['snapshots']}"
            ),
        )
        self.steps(
            Does(f"quota set {other} --cores 5"),
            Does("quota set --default default --cores 4 --snapshots 6"),
        )
        self.agrees(f"quota show {one} --default", cores=4, snapshots=6)
        self.agrees(f"quota show {one}", cores=4, snapshots=6)
        self.agrees(f"quota show {other}", cores=5, snapshots=6)

    def test_limits(self) -> None:
        """Absolute ones of Nova and Cinder; there are none of rate."""
        name = "quota-limits"
        self.project(name)
        self.steps(Does(f"quota set {name} --instances 9 --volumes 8 --force"))
        found = self.numbers(f"limits show --absolute --project {name}", "Value")
        wanted = {
            "max_total_instances": 9,
            "total_instances_used": 0,
            "max_total_volumes": 8,
            "total_volumes_used": 0,
            "max_total_volume_gigabytes": 1000,
        }
        self.assertEqual({key: found.get(key) for key in wanted}, wanted)
        self.steps(Lists("limits show --rate", "URI"))

    def test_members(self) -> None:
        """See the own ones, and set none."""
        name = "quota-member"
        self.project(name)
        self.steps(
            Does(f"user create {name} --password pass1"),
            Does(f"role add --user {name} --project {name} member"),
        )
        self.addCleanup(self.steps, Does(f"user delete {name}"))
        who = Who(name, "pass1", project=name)
        self.assertEqual(self.numbers("quota show", who=who)["cores"], 40)
        self.assertIn("max_total_volumes", self.numbers("limits show --absolute", "Value", who))
        for options in ("--cores 50", "--volumes 50", "--ports 50"):
            self.steps(Fails(f"quota set {options}", "403"), who=who)
        self.assertEqual(self.numbers(f"quota show {name}")["cores"], 40)
