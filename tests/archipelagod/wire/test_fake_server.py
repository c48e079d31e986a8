"""
The Twisted client with a server over FakeVolumes.
"""

from __future__ import annotations

from tests.archipelagod.wire.client_contract import ClientContract
from tests.archipelagod.wire.serving import WireCase


class FakeServerTests(ClientContract, WireCase):
    """BlockClient, BlockVolume and BlockProtocol."""
