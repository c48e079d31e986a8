"""
Services in parts.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.http.parts import merged, serve_parts


class PartsTests(SynchronousTestCase):
    def package(self, **files: str) -> str:
        """
        The name of a package of modules with these texts.
        """
        root = Path(self.mktemp())
        name = f"parts_of_{self.id().rpartition('.')[2]}"
        (root / name).mkdir(parents=True)
        for module, text in {"__init__": "", **files}.items():
            (root / name / f"{module}.py").write_text(text)
        sys.path.insert(0, str(root))
        self.addCleanup(sys.path.remove, str(root))
        return name

    def test_every_module_adds_its_routes(self) -> None:
        """In the order of their names; a module without routes is none of them."""
        add = "def add_routes(service): service.append({!r})"
        name = self.package(b=add.format("b"), a=add.format("a"), c="add = 1")
        served: list[str] = []
        serve_parts(name, served)
        self.assertEqual(served, ["a", "b"])

    def test_tables_are_merged(self) -> None:
        """With the prefix before each name."""
        name = self.package(a="T = {'x': 1}", b="T = {'y': 2}")
        self.assertEqual(merged(name, "T", "p:"), {"p:x": 1, "p:y": 2})

    def test_a_name_twice_is_refused(self) -> None:
        """One of them would not count."""
        name = self.package(a="T = {'x': 1}", b="T = {'x': 2}")
        with self.assertRaisesRegex(ValueError, r"\.b repeats \['x'\]"):
            merged(name, "T")
