"""
The image service on PostgreSQL: who sees what, filters, order, pages, uploads, sharing, sweeps.
"""

from __future__ import annotations

from tests.live.postgresql import shared_server
from tests.synnefo_tx.image import test_api, test_files, test_imports, test_listing


class OnPostgresql:
    """
    Mixed in before a test case that runs on SQLite otherwise.
    """

    def database_place(self) -> str:
        return str(shared_server().new_database())


class PostgresqlVisibilityTests(OnPostgresql, test_listing.VisibilityTests):
    """Who sees what."""


class PostgresqlFilterTests(OnPostgresql, test_listing.FilterTests):
    """Filters."""


class PostgresqlPageTests(OnPostgresql, test_listing.PageTests):
    """Order and pages."""


class PostgresqlCreationTests(OnPostgresql, test_api.CreationTests):
    """New images."""


class PostgresqlPatchTests(OnPostgresql, test_api.PatchTests):
    """Changes."""


class PostgresqlNulTests(OnPostgresql, test_api.NulTests):
    """What its texts can't hold."""


class PostgresqlTagTests(OnPostgresql, test_api.TagTests):
    """Tags."""


class PostgresqlMemberTests(OnPostgresql, test_api.MemberTests):
    """Sharing."""


class PostgresqlDeletionTests(OnPostgresql, test_files.DeletionTests):
    """Deleting, and sweeps."""


class PostgresqlSlowUploadTests(OnPostgresql, test_files.SlowUploadTests):
    """Uploads that are slow, cut, overtaken or dead."""


class PostgresqlImportTests(OnPostgresql, test_imports.ImportTests):
    """Imports."""
