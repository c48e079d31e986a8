"""What may travel."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.daemon.amqp.field_tables import FieldCodec
from synnefo_tx.daemon.bus.limits import check_message, check_subscription

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.datetimes()
    | st.sampled_from([object(), {1}, 1j])
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


class CheckMessageTests(SynchronousTestCase):
    """Keys and headers."""

    @given(st.dictionaries(st.text(max_size=3), values, max_size=3))
    def test_what_passes_can_be_encoded(self, headers) -> None:
        """A broker's codec takes whatever passes, and refuses whatever does not."""
        try:
            check_message("k", headers)
        except ValueError:
            self.assertRaises(ValueError, FieldCodec().encode_table, headers)
        else:
            FieldCodec().encode_table(headers)

    def test_long_names(self) -> None:
        """Keys are counted in bytes."""
        check_message("λ" * 127, None)
        self.assertRaises(ValueError, check_message, "λ" * 128, None)
        self.assertRaises(ValueError, check_message, "k", {"λ" * 128: 1})

    def test_endless(self) -> None:
        """A header that contains itself is refused."""
        endless: list[object] = []
        endless.append(endless)
        self.assertRaises(ValueError, check_message, "k", {"h": endless})


class CheckSubscriptionTests(SynchronousTestCase):
    """Queues and prefetch."""

    def test_refused(self) -> None:
        """No name, a name whose twin's is too long, and a prefetch of no messages."""
        check_subscription("q", ["k"], 1)
        for queue, keys, prefetch in (
            ("", ["k"], 1),
            ("q" * 253, ["k"], 1),
            ("q", ["k" * 256], 1),
            ("q", ["k"], 0),
            ("q", ["k"], 65536),
        ):
            self.assertRaises(ValueError, check_subscription, queue, keys, prefetch)
