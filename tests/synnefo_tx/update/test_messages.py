"""
Messages of the update path, good and bad.
"""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.update.messages import News, Unreadable, error_code, error_text, read

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


class ReadTests(SynchronousTestCase):
    """From bytes to News or Unreadable."""

    def test_message_of_eventd(self) -> None:
        """A message as Synnefo's eventd writes it, with fields we do not use."""
        body = json.dumps(
            {
                "type": "ganeti-op-status",
                "event_time": [12, 34],
                "operation": "OP_INSTANCE_CREATE",
                "status": "success",
                "cluster": "c",
                "logmsg": None,
                "result": None,
                "jobId": 7,
                "instance": "snf-Ω",
                "instance_nics": [{"ip": "10.0.0.2"}],
                "tags": ["x"],
            }
        ).encode()
        news = read(body)
        assert isinstance(news, News)
        self.assertEqual((news.at_us, news.job_id, news.instance), (12_000_034, 7, "snf-Ω"))

    @given(st.binary(max_size=60))
    def test_any_bytes_have_a_value(self, body: bytes) -> None:
        """Nothing that arrives raises."""
        self.assertIsInstance(read(body), (News, Unreadable))

    @given(json_values)
    def test_any_json_has_a_value(self, value: object) -> None:
        """Nor does JSON of a wrong shape."""
        self.assertIsInstance(read(json.dumps(value).encode()), (News, Unreadable))

    @given(json_values)
    def test_any_result_has_words(self, value: object) -> None:
        """A failed job's result gives a text for the user, whatever it is."""
        self.assertTrue(isinstance(error_text(value), str))
        self.assertTrue(error_code(value) is None or isinstance(error_code(value), str))
