"""
`synnefo-manage`: the rules and the audit log of the API, and how it says what it has found.
"""

from __future__ import annotations

import csv
import getpass
import io
import json
import time

import click
from click.testing import CliRunner
from sqlalchemy import select

from synnefo_tx.admin.main import main
from synnefo_tx.identity.passwords import matches
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.effective import roles_on_project
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.revocations import news
from synnefo_tx.quota.model import Payer, Provision, Wanted, member_key
from synnefo_tx.quota.registered import VM
from synnefo_tx.quota.rows import commissions, holdings
from synnefo_tx.quota.rows.tables import provision_log
from tests.synnefo_tx.admin.cloud import ManageCase


class OutputTests(ManageCase):
    def test_a_table_json_and_csv_tell_the_same(self) -> None:
        words = ("user", "list", "-o", "name,enabled")
        told = json.loads(self.run_it(*words, "-F", "json").stdout)
        self.assertEqual([one["name"] for one in told], ["admin", "alice", "bob"])
        rows = list(csv.DictReader(io.StringIO(self.run_it(*words, "-F", "csv").stdout)))
        self.assertEqual([one["name"] for one in rows], ["admin", "alice", "bob"])
        table = self.run_it(*words).stdout
        for name in ("name", "enabled", "alice"):
            self.assertIn(name, table)

    def test_filters_and_pages(self) -> None:
        self.assertEqual(
            [one["id"] for one in self.json("user", "list", "-f", "name=bob")], ["u-bob"]
        )
        found = self.json("user", "list", "-f", "name__contains=li")
        self.assertEqual([one["id"] for one in found], ["u-alice"])
        first = self.json("user", "list", "--limit", "1")
        rest = self.json("user", "list", "--marker", first[0]["id"])
        self.assertEqual([one["name"] for one in first + rest], ["admin", "alice", "bob"])

    def test_empty_lists_have_the_columns_of_others(self) -> None:
        """
        So that programs that read them find them.
        """
        for words, columns in (
            (("audit", "list"), "id,at,action,outcome,user_id,project_id,target,address,"),
            (("commission", "list"), "serial,client,name,issued_at"),
            (("limit", "list"), "id,service_id,resource_name,region_id,project_id,domain_id,"),
            (("group", "list"), "id,name,domain_id,description"),
        ):
            self.assertTrue(self.run_it(*words, "-F", "csv").stdout.startswith(columns), words)
            self.assertEqual(self.json(*words), [])
        self.run_it("group", "create", "g")
        before = self.run_it("audit", "list", "-F", "csv").stdout.splitlines()
        self.assertTrue(before[0].startswith("id,at,action"))
        self.assertEqual(len(before), 2)

    def test_pages_of_commissions_and_quotas(self) -> None:
        one = Provision(member_key("u-alice", "p1", VM), 1)
        wanted = Wanted("u-service", [one])
        for _ in range(3):
            self.write(commissions.issue, wanted, 1)
        serials = [row["serial"] for row in self.json("commission", "list")]
        first = self.json("commission", "list", "--limit", "2")
        rest = self.json("commission", "list", "--marker", str(first[-1]["serial"]))
        self.assertEqual([row["serial"] for row in first + rest], serials)
        self.assertEqual(len(serials), 3)
        projects = [row["project"] for row in self.json("quota", "list", "--resource", VM)]
        page = self.json("quota", "list", "--resource", VM, "--limit", "2")
        after = self.json("quota", "list", "--resource", VM, "--marker", page[-1]["project"])
        self.assertEqual([row["project"] for row in page + after], projects)
        self.assertEqual(len(page), 2)

    def test_wrong_words_are_named(self) -> None:
        for words, status, named in (
            (("user", "list", "-f", "shoe=4"), 2, "shoe"),
            (("user", "list", "-o", "shoe"), 2, "shoe"),
            (("user", "list", "--limit", "0"), 2, "--limit"),
            (("user", "show", "nobody"), 3, "nobody"),
            (("user", "create", " "), 2, "name"),
            (("user", "modify", "alice"), 2, "nothing to change"),
            (("project", "show", "one"), 2, "Several projects"),
            (("user", "create", "alice"), 1, "Duplicate entry"),
            (("quota", "set", "two", "cyclades.shoe=1"), 3, "cyclades.shoe"),
            (("quota", "set", "two", f"{VM}=-2"), 2, f"{VM}=-2"),
            (("commission", "show", "9"), 3, "9"),
            (("audit", "list", "--since", "noon"), 2, "noon"),
            (("role", "grant", "member", "--user", "bob"), 2, "--project"),
        ):
            said = self.run_it(*words, status=status)
            self.assertIn(named, said.output, words)

    def test_settings_that_can_not_be_used(self) -> None:
        self.config.write_text("database_url = 5\n")
        found = CliRunner().invoke(main, ["--config", str(self.config), "user", "list"])
        self.assertEqual(found.exit_code, 5)
        self.assertIn("api.toml", found.output)

    def test_every_command_explains_itself(self) -> None:
        def walk(command: click.Command, path: tuple[str, ...]) -> None:
            self.assertTrue(command.help, path)
            self.run_it(*path, "--help")
            if isinstance(command, click.Group):
                for name, inner in command.commands.items():
                    walk(inner, (*path, name))

        walk(main, ())


class AccountTests(ManageCase):
    def test_a_user_from_beginning_to_end(self) -> None:
        made = self.json("user", "create", "carol", "--email", "c@example.org", "--disable")
        self.assertEqual((made["domain_id"], made["enabled"]), ("default", False))
        self.run_it("user", "enable", "carol")
        self.run_it("user", "password", "carol", "--stdin", given="her own\n")
        carol = self.write(things.fetch, USER, made["id"])
        self.assertTrue(matches(carol["password_hash"], "her own"))
        self.assertEqual(self.json("user-show", "carol")["email"], "c@example.org")
        self.run_it("user", "delete", "carol", given="n\n", status=1)
        self.run_it("user", "delete", "carol", "--yes")
        self.assertIsNone(self.write(things.find, USER, made["id"]))

    def test_disabling_ends_tokens_as_the_api_does(self) -> None:
        self.run_it("user", "disable", "alice")
        told = self.write(news, 0, 0, int(time.time()))
        self.assertIn("u-alice", told.disabled.users)
        self.assertEqual([one.subject for one in told.revocations], ["u-alice"])

    def test_roles_are_given_listed_and_taken(self) -> None:
        place = ("--user", "bob", "--project", "p1")
        self.run_it("role", "grant", "member", *place)
        held = self.write(roles_on_project, "u-bob", "p1")
        self.assertEqual([one.name for one in held], ["member"])
        rows = self.json("role", "assignments", *place)
        self.assertEqual([(one["role"], one["place"]) for one in rows], [("member", "one")])
        self.assertIn("bob", self.run_it("project", "members", "p1").stdout)
        self.run_it("role", "revoke", "member", *place)
        self.assertEqual(self.write(roles_on_project, "u-bob", "p1"), ())
        self.run_it("role", "revoke", "member", *place, status=3)

    def test_groups(self) -> None:
        self.run_it("group", "create", "ops")
        self.run_it("group", "add-user", "ops", "bob")
        self.assertEqual([one["name"] for one in self.json("group", "members", "ops")], ["bob"])
        self.assertEqual([one["name"] for one in self.json("user", "groups", "bob")], ["ops"])
        self.run_it("group", "remove-user", "ops", "bob")
        self.assertEqual(self.json("group", "members", "ops"), [])

    def test_projects_and_domains(self) -> None:
        self.run_it("domain", "create", "third", "--description", "one more")
        made = self.json("project", "create", "below", "--domain", "third")
        self.run_it("project", "modify", made["id"], "--rename", "beside", "--disable")
        shown = self.json("project", "show", "beside", "--domain", "third")
        self.assertEqual((shown["id"], shown["enabled"]), (made["id"], False))

    def test_the_catalog(self) -> None:
        service = self.json("service", "create", "weather", "--name", "rain")
        self.run_it("region", "create", "Moon")
        words = ("--service", "rain", "--interface", "public", "--region", "Moon")
        made = self.json("endpoint", "create", "http://rain.example", *words)
        self.assertEqual(made["service_id"], service["id"])
        self.run_it("endpoint", "delete", made["id"], "--yes")
        self.run_it("endpoint", "show", made["id"], status=3)

    def test_every_change_is_in_the_audit_log(self) -> None:
        self.run_it("user", "create", "carol")
        self.run_it("role", "grant", "member", "--user", "carol", "--project", "p1")
        self.run_it("quota", "set", "p1", f"{VM}=3")
        self.run_it("key", "rotate", "--yes")
        found = self.lines()
        self.assertEqual(
            [one.action for one in found],
            [
                "identity:create_user",
                "identity:create_grant",
                "quota:set_project_limits",
                "identity:rotate_token_keys",
            ],
        )
        self.assertEqual({one.user_id for one in found}, {f"manage:{getpass.getuser()}"})
        shown = self.json("audit", "list", "-f", "action=quota:set_project_limits")
        self.assertEqual(len(shown), 1)


class QuotaTests(ManageCase):
    def test_limits_are_set_and_shown(self) -> None:
        self.run_it("quota", "set", "p1", f"{VM}=3")
        self.run_it("quota", "set", "p1", f"{VM}=1", "--user", "alice")
        words = ("quota", "list", "--project", "p1", "--resource", VM)
        self.assertEqual([one["limit"] for one in self.json(*words)], [3])
        self.write(holdings.take, Payer("u-alice", "p1"), {VM: 1})
        [mine] = self.json(*words, "--user", "alice")
        self.assertEqual((mine["limit"], mine["used"]), (1, 1))
        self.run_it("quota", "set", "p1", f"{VM}=default")
        self.assertEqual([one["limit"] for one in self.json(*words)], [20])

    def test_defaults_of_a_resource(self) -> None:
        self.run_it("resource", "modify", VM, "--system-default", "2", "--project-default", "5")
        [row] = [one for one in self.json("resource", "list") if one["name"] == VM]
        self.assertEqual((row["system_default"], row["project_default"]), (2, 5))

    def test_wrong_numbers_are_told_and_mended(self) -> None:
        self.write(holdings.take, Payer("u-alice", "p1"), {VM: 1})  # no server is there
        for _ in range(2):
            said = self.run_it("reconcile-resources", "-F", "json", status=4)
            self.assertEqual({one["held"] for one in json.loads(said.stdout)}, {1})
        self.run_it("reconcile-resources", "--fix")
        self.assertEqual(self.json("reconcile-resources"), [])
        self.assertEqual(self.json("quota-verify"), [])

    def test_commissions_are_seen_and_resolved(self) -> None:
        one = Provision(member_key("u-alice", "p1", VM), 1)
        serials = [
            self.write(commissions.issue, Wanted("u-pithos", [one], "mine"), 1_000)
            for _ in range(3)
        ]
        listed = self.json("commission", "list")
        self.assertEqual([row["serial"] for row in listed], serials)
        shown = self.json("commission", "show", str(serials[0]))
        self.assertEqual(shown["provisions"][0]["quantity"], 1)
        self.run_it("commission", "accept", str(serials[0]), given="n\n", status=1)
        self.run_it("commission", "accept", str(serials[0]), "--yes")
        self.run_it("commission", "reject", str(serials[1]), "--yes")
        self.run_it("reconcile-commissions", "u-pithos", status=4)
        self.run_it("reconcile-commissions", "u-pithos", "--accepted", str(serials[2]), "--fix")
        self.assertEqual(self.json("commission", "list"), [])
        held = self.write(holdings.held, "p1", [VM])  # the project itself was not charged
        self.assertEqual(held[VM].used, 0)

    def test_what_became_of_commissions_is_forgotten_when_it_is_old(self) -> None:
        one = Provision(member_key("u-alice", "p1", VM), 1)
        now_us = int(time.time() * 1e6)
        for at_us in (now_us - 31 * 24 * 3600 * 10**6, now_us):
            serial = self.write(commissions.issue, Wanted("u-pithos", [one]), at_us)
            self.write(commissions.resolve_one, "u-pithos", serial, True, at_us)
        self.run_it("commission", "expire", "--days", "29", "--yes", status=2)
        told = self.run_it("commission", "expire", "--days", "30", "--yes").stdout
        self.assertIn("1 lines", told)
        left = self.write(lambda connection: list(connection.execute(select(provision_log))))
        self.assertEqual([row.serial for row in left], [serial])


class AuditTests(ManageCase):
    def test_young_lines_of_the_audit_log_stay(self) -> None:
        self.run_it("audit", "expire", "--days", "29", "--yes", status=2)
        self.assertIn("0 lines", self.run_it("audit", "expire", "--days", "30", "--yes").stdout)
        self.assertEqual([one.action for one in self.lines()], ["audit:expire"])
