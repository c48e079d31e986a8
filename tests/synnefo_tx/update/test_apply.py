"""
What news does to what we believe of a server.
"""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.update.apply import FollowUp, Known, after
from synnefo_tx.update.messages import News

BUILDING = Known(vm_state="building", task_state="spawning", power_state=0, as_of=1_000_000)
ACTIVE = Known(vm_state="active", task_state=None, power_state=1, as_of=1_000_000)
GONE = ["OpPrereqError", ["Instance 'snf-1' not known", "unknown_entity"]]
OPERATIONS = (
    "OP_INSTANCE_CREATE",
    "OP_INSTANCE_STARTUP",
    "OP_INSTANCE_SHUTDOWN",
    "OP_INSTANCE_REBOOT",
    "OP_INSTANCE_REMOVE",
    "OP_INSTANCE_SET_PARAMS",
    "OP_SOMETHING_NEW",
)
STATUSES = ("queued", "waiting", "running", "success", "error", "canceled", "canceling")


def told(operation: str, status: str, at_s: int = 2, result: object = None) -> News:
    """News of an operation at second `at_s`."""
    return News(
        type="ganeti-op-status",
        event_time=(at_s, 0),
        operation=operation,
        status=status,
        result=result,
        instance="snf-1",
    )


news = st.builds(
    told,
    st.sampled_from(OPERATIONS),
    st.sampled_from(STATUSES),
    st.integers(0, 5),
    st.sampled_from([None, GONE, ["OpExecError", ["no"]], "odd", 7, [], ["x"]]),
)
knowns = st.builds(
    Known,
    vm_state=st.sampled_from(["building", "active", "stopped", "error"]),
    task_state=st.sampled_from([None, "scheduling", "deleting", "powering-off", "shelving"]),
    power_state=st.sampled_from([0, 1, 4]),
    as_of=st.integers(0, 5_000_000),
)


class AfterTests(SynchronousTestCase):
    """The table of transitions."""

    def test_created_server_is_active(self) -> None:
        """A successful create makes it active and running."""
        verdict = after(BUILDING, told("OP_INSTANCE_CREATE", "success"))
        self.assertEqual(
            (verdict.known, verdict.follow_up),
            (Known("active", "spawning", 1, 2_000_000), FollowUp.BUILT),
        )

    def test_failure_changes_nothing(self) -> None:
        """What has failed leaves the server as it is."""
        for operation in ("OP_INSTANCE_CREATE", "OP_INSTANCE_STARTUP", "OP_INSTANCE_REMOVE"):
            failed = told(operation, "error", result=["OpExecError", ["no space"]])
            verdict = after(ACTIVE, failed)
            self.assertEqual(
                (verdict.known, verdict.follow_up),
                (evolve(ACTIVE, as_of=2_000_000), FollowUp.NOTHING),
            )

    def test_removal_of_what_never_was_counts(self) -> None:
        """A remove that fails because there is no instance has reached its end."""
        verdict = after(ACTIVE, told("OP_INSTANCE_REMOVE", "error", result=GONE))
        self.assertIs(verdict.follow_up, FollowUp.GONE)

    def test_shelved_is_not_gone(self) -> None:
        """What leaves its cluster to be shelved comes again."""
        shelving = evolve(ACTIVE, task_state="shelving")
        verdict = after(shelving, told("OP_INSTANCE_REMOVE", "success"))
        self.assertEqual((verdict.known.power_state, verdict.follow_up), (0, FollowUp.NOTHING))

    def test_guest_that_powers_off_is_stopped(self) -> None:
        """A shutdown nobody asked for is believed as well."""
        verdict = after(ACTIVE, told("OP_INSTANCE_SHUTDOWN", "success"))
        self.assertEqual((verdict.known.vm_state, verdict.known.power_state), ("stopped", 4))

    @given(knowns, news)
    def test_repeated_news_changes_nothing(self, known: Known, message: News) -> None:
        """The second time, nothing follows and nothing changes."""
        once = after(known, message)
        twice = after(once.known, message)
        self.assertEqual((twice.known, twice.follow_up), (once.known, FollowUp.NOTHING))

    @given(knowns, news)
    def test_old_news_changes_nothing(self, known: Known, message: News) -> None:
        """What is not newer than what we know is ignored."""
        known = evolve(known, as_of=max(known.as_of, message.at_us))
        verdict = after(known, message)
        self.assertEqual((verdict.known, verdict.follow_up), (known, FollowUp.NOTHING))
