"""
Which operating systems are whole, and what is wrong with the others.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ganetid.os.definition import (
    BadOs,
    check_parameters,
    check_variant,
    diagnosed,
    name_of,
    os_named,
)
from tests.ganetid.os.system import write_system


class DefinitionTests(SynchronousTestCase):
    """Directories of operating systems."""

    def setUp(self) -> None:
        self.place = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.place)
        self.directory = write_system(self.place, "debian")

    def problem(self) -> str:
        return str(self.assertRaises(BadOs, os_named, "debian", [self.place]))

    def test_whole(self) -> None:
        """Variants and parameters of a whole one are known."""
        found = os_named("debian", [self.place / "absent", self.place])
        self.assertTrue(found.is_valid)
        self.assertEqual(found.api_versions, (20, 15))
        self.assertEqual(found.types, ("debian+small", "debian+large"))
        self.assertEqual(found.parameters, (("dhcp", "Ask by DHCP"), ("password", "root's")))
        (self.directory / "variants.list").unlink()
        self.assertEqual(os_named("debian", [self.place]).types, ("debian",))

    def test_problems(self) -> None:
        """Each problem is told in Ganeti's words."""
        where = f"under path '{self.directory}'"
        (self.directory / "export").chmod(0o644)
        self.assertEqual(self.problem(), f"File 'export' {where} is not executable")
        (self.directory / "export").unlink()
        missing = "is missing (No such file or directory)"
        self.assertEqual(self.problem(), f"File 'export' {where} {missing}")
        (self.directory / "export").mkdir()
        self.assertEqual(self.problem(), f"File 'export' {where} is not a regular file")
        versions = self.directory / "ganeti_api_version"
        versions.write_text("15\n10\n")
        says = f"API version mismatch for path '{self.directory}': found [15, 10], want [20]."
        self.assertEqual(self.problem(), says)
        versions.write_text("twenty\n")
        self.assertIn("can't be converted to integer", self.problem())
        versions.unlink()
        self.assertIn("Required file 'ganeti_api_version' not found", self.problem())

    def test_diagnosis(self) -> None:
        """All are told of, whole or not; the first place hides the next; odd names are none."""
        other = self.place / "other"
        write_system(other, "debian")
        (write_system(other, "broken") / "create").unlink()
        write_system(other, "with.dot")
        (other / "file").touch()
        found = {each.name: each for each in diagnosed([self.place, other])}
        self.assertEqual(sorted(found), ["broken", "debian", "other"])
        self.assertEqual(found["debian"].directory, str(self.directory))
        self.assertIn("'create'", found["broken"].problem or "")

    def test_no_way_out(self) -> None:
        """No name leads out of the search path."""
        for name in ("../debian", "debian/../debian", ".", ""):
            self.assertRaises(BadOs, os_named, name, [self.place / "sub", self.place])

    def test_variants(self) -> None:
        """A variant is needed where there are some, and refused where there are none."""
        found = os_named("debian", [self.place])
        self.assertEqual(name_of("debian+small"), "debian")
        check_variant(found, "debian+small")
        for bad in ("debian", "debian+huge", "debian+"):
            self.assertRaises(BadOs, check_variant, found, bad)
        (self.directory / "variants.list").unlink()
        bare = os_named("debian", [self.place])
        check_variant(bare, "debian")
        self.assertRaises(BadOs, check_variant, bare, "debian+small")

    def test_parameters(self) -> None:
        """Parameters are those that are declared."""
        found = os_named("debian", [self.place])
        check_parameters(found, ["dhcp"])
        error = self.assertRaises(BadOs, check_parameters, found, ["dhcp", "b", "a"])
        self.assertTrue(str(error).endswith("by the OS debian: a, b"))
