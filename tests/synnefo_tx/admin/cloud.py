"""
`synnefo-manage` on a cloud of the test's own.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from sqlalchemy import Connection, select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.admin.door import open_door
from synnefo_tx.admin.main import main
from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.quota.rows import resources
from synnefo_tx.store.memory import immediate_database
from tests.synnefo_tx.identity.cloud import fill


class ManageCase(SynchronousTestCase):
    """
    Users, projects and domains as `fill` makes them.
    """

    def setUp(self) -> None:
        home = Path(self.mktemp()).absolute()
        home.mkdir()
        url = self.database_url(home)
        self.database = immediate_database(url)
        self.addCleanup(self.database.engine.dispose)
        self.write(fill)
        self.write(resources.ensure)
        self.keys = home / "keys"
        self.config = home / "api.toml"
        self.config.write_text(
            f'database_url = "{url}"\ntoken_keys = "{self.keys}"\n'
            'block_endpoint = "unix:/x"\nblock_secret_file = "/x"\nnbd_socket = "/x"\n'
        )
        # opened once in a test: hundreds of routes take a while to compile
        self.door = functools.cache(functools.partial(open_door, str(self.config)))
        self.addCleanup(self.close_door)

    def close_door(self) -> None:
        if self.door.cache_info().currsize:
            self.door().database.engine.dispose()

    def database_url(self, home: Path) -> str:
        """
        Of an empty database.
        """
        return f"sqlite:///{home}/cloud.db"

    def write(self, unit: Any, *args: Any) -> Any:
        with self.database.engine.begin() as connection:
            return unit(connection, *args)

    def run_it(self, *words: str, status: int = 0, given: str | None = None) -> Result:
        """
        What the command says; it has to end with this status.
        """
        result = CliRunner().invoke(main, list(words), input=given, obj=self.door)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.assertEqual(result.exit_code, status, result.output)
        return result

    def json(self, *words: str) -> Any:
        """
        Its answer.
        """
        return json.loads(self.run_it(*words, "-F", "json").stdout)

    def lines(self) -> list[Any]:
        """
        Of the audit log, the oldest first.
        """

        def unit(connection: Connection) -> list[Any]:
            return list(connection.execute(select(audit_log).order_by(audit_log.c.id)))

        return self.write(unit)  # type: ignore[no-any-return]
