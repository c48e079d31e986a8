"""
The query language against what a real Ganeti 3.0.2 answered; see tests/vectors/ganeti/record.py.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ganetid.query.conditions import BadFilter, UnfitFilter
from ganetid.query.evaluation import TABLES, answered, fields_of

VECTOR = Path(__file__).parents[2] / "vectors" / "ganeti" / "query.json"
# What Ganeti knows of these and its bulk answers do not tell.
EXTRAS = {
    "instance": ("admin_state_source", "console", "disks_active", "forthcoming", "hypervisor",
                 "pnode.group", "pnode.group.uuid"),
    "node": ("bootid", "group"),
    "group": ("pinst_cnt", "pinst_list"),
    "network": (),
}  # fmt: skip


class RecordedTests(SynchronousTestCase):
    """Fields, cells and filters."""

    def setUp(self) -> None:
        self.recorded = json.loads(VECTOR.read_text())

    def rows(self, resource: str) -> list[dict[str, Any]]:
        """Bulk answers with the extras, in the order of the recorded rows."""
        names = [field["name"] for field in self.recorded["fields"][resource]]
        bulk = {row["name"]: row for row in self.recorded["bulk"][resource]}
        offline = {row["name"] for row in self.recorded["bulk"]["node"] if row["offline"]}
        rows = []
        for cells in self.recorded["rows"][resource]:
            told = dict(zip(names, cells, strict=True))
            row = dict(bulk[told["name"][1]])
            row |= {name: told[name][1] for name in EXTRAS[resource]}
            if resource == "instance":
                row["pnode_offline"] = row["pnode"] in offline
            rows.append(row)
        return rows

    def test_fields(self) -> None:
        """Every resource has Ganeti's fields: names, titles, kinds, descriptions and order."""
        self.assertEqual(set(TABLES), set(self.recorded["fields"]))
        for resource, fields in self.recorded["fields"].items():
            self.assertEqual([field.shown() for field in fields_of(resource)], fields, resource)

    def test_cells(self) -> None:
        """Every cell has Ganeti's status and value."""
        for resource, expected in self.recorded["rows"].items():
            names = [field["name"] for field in self.recorded["fields"][resource]]
            answer = answered(resource, names, None, self.rows(resource))
            for ours, theirs in zip(answer["data"], expected, strict=True):
                for name, mine, other in zip(names, ours, theirs, strict=True):
                    if name not in self.recorded["live"] or mine[0] != 0:
                        self.assertEqual(list(mine), other, (resource, name))

    def test_filters(self) -> None:
        """Every filter lets pass what Ganeti let pass, and is refused in its words."""
        for resource, condition, status, expected in self.recorded["filters"]:
            try:
                answer = answered(resource, ["name"], condition, self.rows(resource))
            except BadFilter as error:
                self.assertEqual(status, 502, condition)
                theirs = html.unescape(expected).rpartition("error: ")[2]
                if condition[0:1] != ["=~"]:  # regular expressions are another library's
                    self.assertEqual(str(error), theirs)
            except UnfitFilter as error:
                self.assertEqual((status, str(error)), (500, html.unescape(expected)))
            else:
                names = [row[0][1] for row in answer["data"]]
                self.assertEqual((200, names), (status, expected), condition)

    def test_unknown(self) -> None:
        """An unknown field is of kind unknown, and its cells are."""
        answer = answered("node", ["name", "bogus"], None, self.rows("node")[:1])
        self.assertEqual(answer["data"], [[(0, "node1"), (1, None)]])
        self.assertEqual(
            answer["fields"][1],
            {"name": "bogus", "title": "bogus", "kind": "unknown", "doc": "Unknown field 'bogus'"},
        )
