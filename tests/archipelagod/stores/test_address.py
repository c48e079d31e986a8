"""
Addresses of stores.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.address import BadAddress, open_store, parse_address
from archipelagod.stores.direct_objects import DirectObjects
from archipelagod.stores.file_objects import FileObjects
from archipelagod.stores.memory import MemoryObjects


class AddressTests(SynchronousTestCase):
    """What an address says."""

    def test_parsed(self) -> None:
        """Kind, place and options."""
        for address, wanted in {
            "/srv/store": ("file", "/srv/store", {}),
            "/srv/a:b": ("file", "/srv/a:b", {}),
            "file:/srv/store?direct=yes": ("file", "/srv/store", {"direct": "yes"}),
            "memory": ("memory", "", {}),
            "rados:pool": ("rados", "pool", {}),
            "rados:pool/space?conf=/c.conf&id=me": (
                "rados", "pool/space", {"conf": "/c.conf", "id": "me"},
            ),
        }.items():  # fmt: skip
            self.assertEqual(parse_address(address), wanted)

    def test_refused(self) -> None:
        """What makes no sense is refused, and nothing is made."""
        for address in (
            "", "memory:", "memory:/x", "memory?faults=/x", "rados", "ftp:/x",
            "file:", "file:relative", "rados:", "file:/", "rados:/",
            "rados:pool?term=1", "rados:pool?term=", "rados:pool?term=-5", "file:/x?term=5",
            "file:/x?durect=yes", "file:/x?direct=maybe", "rados:pool?direct=yes", "file:/x?direct",
        ):  # fmt: skip
            self.assertRaises(BadAddress, parse_address, address)

    def test_opened(self) -> None:
        """A path opens the files there, direct or not."""
        path = os.path.abspath(self.mktemp())
        self.assertIsInstance(open_store("memory").objects, MemoryObjects)
        self.assertIsInstance(open_store(path, is_starting=True).objects, FileObjects)
        try:
            store = open_store(f"file:{path}?direct=yes")
        except OSError:
            return  # a file system without
        self.assertIsInstance(store.objects, DirectObjects)
