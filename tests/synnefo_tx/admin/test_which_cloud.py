"""
The cloud that the command finds by itself.
"""

from __future__ import annotations

import os
from pathlib import Path

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.admin.main import main
from synnefo_tx.admin.which_cloud import settings_of
from synnefo_tx.daemon.settings import SettingsError
from synnefo_tx.quota.rows import resources
from synnefo_tx.store.memory import immediate_database
from tests.synnefo_tx.identity.cloud import fill


class WhichCloudTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.state = Path(self.mktemp()).absolute()
        self.state.mkdir()
        self.none = str(self.state / "none.toml")

    def cloud(self) -> None:
        database = immediate_database(self.state / "synnefo.db")
        with database.engine.begin() as connection:
            fill(connection)
            resources.ensure(connection)
        database.engine.dispose()

    def run_it(self, *words: str) -> tuple[int, str]:
        found = CliRunner(env={"SYNNEFO_STATE": str(self.state), "SYNNEFO_API_CONFIG": None})
        result = found.invoke(main, list(words))
        return result.exit_code, result.output

    def test_an_all_in_one_cloud_needs_no_settings(self) -> None:
        if Path("/etc/synnefo/api.toml").exists():
            self.skipTest("this machine has an API")
        self.cloud()
        (self.state / "synnefo.toml").write_text(
            '[security_compliance]\npassword_regex = "^.{9,}$"\n'
        )
        code, told = self.run_it("user", "list", "-F", "csv", "-o", "name")
        self.assertEqual((code, told.split()), (0, ["name", "admin", "alice", "bob"]))
        code, told = self.run_it("key", "list", "-F", "csv", "-o", "use")
        self.assertEqual((code, told.split()), (0, ["use", "next", "seals"]))
        self.assertTrue((self.state / "token-keys").is_dir())

    def test_its_own_settings_count(self) -> None:
        self.cloud()
        (self.state / "synnefo.toml").write_text(
            'personal_projects = false\n[security_compliance]\npassword_regex = "^.{9,}$"\n'
        )
        self.patch_state()
        found = settings_of(None, self.none)
        self.assertEqual(found.security_compliance.password_regex, "^.{9,}$")
        self.assertFalse(found.personal_projects)
        self.assertEqual(found.database_url, f"sqlite:///{self.state}/synnefo.db")

    def test_settings_of_this_machine_s_api_go_before(self) -> None:
        self.cloud()
        usual = self.state / "api.toml"
        usual.write_text(
            'database_url = "sqlite:///elsewhere"\ntoken_keys = "/x"\n'
            'block_endpoint = "unix:/x"\nblock_secret_file = "/x"\nnbd_socket = "/x"\n'
        )
        self.patch_state()
        self.assertEqual(settings_of(None, str(usual)).database_url, "sqlite:///elsewhere")
        self.assertRaises(SettingsError, settings_of, self.none, str(usual))

    def test_no_cloud(self) -> None:
        """
        None is made by looking for it.
        """
        self.patch_state()
        error = self.assertRaises(SettingsError, settings_of, None, self.none)
        self.assertIn("--config", str(error))
        self.assertEqual(list(self.state.iterdir()), [])

    def patch_state(self) -> None:
        self.patch(os, "environ", os.environ | {"SYNNEFO_STATE": str(self.state)})
