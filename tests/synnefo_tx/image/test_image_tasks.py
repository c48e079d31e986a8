"""
The tasks of images.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.image.cloud import Cloud


class ImageTaskTests(SynchronousTestCase):
    """
    /v2/images/{id}/tasks.
    """

    def test_none(self) -> None:
        """An image that is there has none; of one that is not, nothing is told."""
        cloud = Cloud(self)
        made = cloud.call("POST", "/v2/images", {"name": "a"}).json
        answer = cloud.call("GET", f"/v2/images/{made['id']}/tasks")
        self.assertEqual((answer.status, answer.json), (200, {"tasks": []}))
        self.assertEqual(cloud.call("GET", "/v2/images/none/tasks").status, 404)
