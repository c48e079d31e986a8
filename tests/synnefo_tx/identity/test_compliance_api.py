"""
Passwords of one's own, and what [security_compliance] asks of passwords and accounts.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.rows.accounts import find_user
from tests.synnefo_tx.identity.cloud import SECRETS, Answer, identity_cloud

DAY_S = 86400
DENIED = "The request you have made requires authentication."


class ComplianceCase(SynchronousTestCase):
    def begin(self, **policy: Any) -> None:
        """
        A cloud with these rules.
        """
        self.cloud = identity_cloud(self, policy=SecurityCompliance(**policy))

    def login(self, password: str = SECRETS["alice"], user_id: str = "u-alice") -> Answer:
        user = {"id": user_id, "password": password}
        return self.cloud.authenticate(password={"user": user})

    def change(
        self, password: str, before: str = SECRETS["alice"], user_id: str = "u-alice"
    ) -> Answer:
        body = {"user": {"password": password, "original_password": before}}
        return self.cloud.ask("POST", f"/v3/users/{user_id}/password", body=body)

    def patch(self, user_id: str = "u-alice", **fields: Any) -> Answer:
        """
        A change by the administrator.
        """
        token = self.cloud.token("admin", {"project": {"id": "p1"}})
        answer = self.cloud.ask("PATCH", f"/v3/users/{user_id}", token, {"user": fields})
        self.cloud.now += 2
        return answer

    def refused(self, answer: Answer, code: int, text: str) -> None:
        self.assertEqual(answer.code, code, answer.body)
        self.assertIn(text, answer.message)


class OwnPasswordTests(ComplianceCase):
    def test_it_is_changed_without_a_token_and_ends_those_of_the_old(self) -> None:
        self.begin()
        token = self.cloud.token("alice")
        self.cloud.now += 2
        self.assertEqual(self.change("another").code, 204)
        self.assertEqual(self.cloud.ask("GET", "/v3/auth/projects", token).code, 401)
        self.assertEqual(self.login().code, 401)
        self.assertEqual(self.login("another").code, 201)

    def test_who_does_not_know_the_present_one_changes_nothing(self) -> None:
        self.begin()
        self.patch("u-bob", enabled=False)
        for user_id, before in (
            ("u-alice", "wrong"),
            ("u-nobody", "x"),
            ("u-bob", SECRETS["bob"]),
        ):
            self.refused(self.change("another", before, user_id), 401, DENIED)
        self.assertEqual(self.login().code, 201)

    def test_bodies_that_lack_something(self) -> None:
        self.begin()
        for body in ({}, {"password": "x"}, {"original_password": "x"}, {"password": 1}):
            answer = self.cloud.ask("POST", "/v3/users/u-alice/password", body={"user": body})
            self.assertEqual(answer.code, 400, body)

    def test_one_that_is_locked_is_changed_by_an_administrator_only(self) -> None:
        self.begin()
        self.patch(options={"lock_password": True})
        self.refused(self.change("another"), 400, "password policy disallowing password changes")
        self.assertEqual(self.patch(password="another").code, 200)
        self.assertEqual(self.login("another").code, 201)

    def test_a_change_is_in_the_audit_log(self) -> None:
        self.begin()
        self.change("hush-hush")
        rows = self.cloud.write(
            lambda connection: connection.exec_driver_sql(
                "SELECT user_id, target_id, details FROM audit_log"
                " WHERE action = 'identity:change_password'"
            ).all()
        )
        self.assertEqual([tuple(row)[:2] for row in rows], [("u-alice", "u-alice")])
        self.assertNotIn("hush-hush", str(rows))


class NewPasswordTests(ComplianceCase):
    def test_one_that_is_too_weak_is_refused_whoever_sets_it(self) -> None:
        self.begin(password_regex=r"^(?=.*\d).{8,}$", password_regex_description="8 and a digit")
        told = "The password does not match the requirements: 8 and a digit."
        self.refused(self.change("feeble"), 400, told)
        self.refused(self.patch(password="feeble"), 400, told)
        token = self.cloud.token("admin", {"project": {"id": "p1"}})
        body = {"user": {"name": "eve", "password": "feeble"}}
        self.refused(self.cloud.ask("POST", "/v3/users", token, body), 400, told)
        self.assertEqual(self.change("strong 8 chars").code, 204)

    def test_one_of_the_last_is_refused(self) -> None:
        self.begin(unique_last_password_count=3)
        told = "The total number which includes the new password must be unique is 3."
        one = SECRETS["alice"]
        self.refused(self.change(one), 400, told)
        for before, after in ((one, "two"), ("two", "three")):
            self.assertEqual(self.change(after, before).code, 204)
            self.refused(self.change(one, after), 400, told)
        self.assertEqual(self.change("four", "three").code, 204)
        self.assertEqual(self.change(one, "four").code, 204)

    def test_no_more_of_the_last_are_kept_than_asked_for(self) -> None:
        self.begin(unique_last_password_count=3)
        before = SECRETS["alice"]
        for after in ("two", "three", "four", "five"):
            self.change(after, before)
            before = after
        count = self.cloud.write(
            lambda connection: connection.exec_driver_sql(
                "SELECT count(*) FROM old_passwords"
            ).scalar()
        )
        self.assertEqual(count, 2)

    def test_one_s_own_is_changed_again_after_its_least_age(self) -> None:
        self.begin(minimum_password_age=2)
        self.assertEqual(self.change("two").code, 204)  # the first was an administrator's
        self.cloud.now += DAY_S / 2
        self.refused(self.change("three", "two"), 400, "Please try again in 1 day(s)")
        self.cloud.now += 1.5 * DAY_S
        self.assertEqual(self.change("three", "two").code, 204)
        self.patch(password="four")
        self.assertEqual(self.change("five", "four").code, 204)


class ExpiryTests(ComplianceCase):
    EXPIRED = "The password is expired and needs to be changed for user: u-alice."

    def test_the_end_is_told_in_tokens_and_holds(self) -> None:
        self.begin(password_expires_days=1)
        self.change("two")
        ends_at = self.login("two").json["token"]["user"]["password_expires_at"]
        self.assertEqual(ends_at, "2027-01-16T08:00:00.000000Z")
        self.cloud.now += DAY_S
        self.refused(self.login("two"), 401, self.EXPIRED)
        self.refused(self.login("wrong"), 401, DENIED)
        self.assertEqual(self.change("three", "two").code, 204)
        self.assertEqual(self.login("three").code, 201)

    def test_some_do_not_mind(self) -> None:
        self.begin(password_expires_days=1)
        self.change("two")
        self.patch(options={"ignore_password_expiry": True})
        self.cloud.now += 2 * DAY_S
        self.assertEqual(self.login("two").code, 201)

    def test_an_administrator_s_password_is_for_setting_another_only(self) -> None:
        self.begin(change_password_upon_first_use=True)
        self.patch(password="given")
        self.refused(self.login("given"), 401, self.EXPIRED)
        self.assertEqual(self.change("chosen", "given").code, 204)
        self.assertEqual(self.login("chosen").code, 201)
        self.patch(options={"ignore_change_password_upon_first_use": True})
        self.patch(password="given")
        self.assertEqual(self.login("given").code, 201)


class LockOutTests(ComplianceCase):
    def test_wrong_ones_in_a_row_lock_the_account_for_a_time(self) -> None:
        self.begin(lockout_failure_attempts=3, lockout_duration=300)
        for _ in range(3):
            self.refused(self.login("wrong"), 401, DENIED)
        self.refused(self.login(), 401, DENIED)  # nobody learns that it is locked
        self.refused(self.change("another"), 401, DENIED)
        self.cloud.now += 301
        self.assertEqual(self.login().code, 201)
        user = self.cloud.write(find_user, "u-alice")
        self.assertEqual((user.failed_logins, user.failed_login_at), (0, None))

    def test_the_right_one_in_between_begins_anew(self) -> None:
        self.begin(lockout_failure_attempts=3)
        for _ in range(4):
            self.login("wrong")
            self.assertEqual(self.login().code, 201)

    def test_attempts_while_it_is_locked_do_not_prolong_it(self) -> None:
        self.begin(lockout_failure_attempts=3, lockout_duration=300)
        for _ in range(3):
            self.login("wrong")
        self.cloud.now += 200
        self.login("wrong")
        self.cloud.now += 101
        self.assertEqual(self.login().code, 201)

    def test_without_an_end_an_administrator_ends_it(self) -> None:
        self.begin(lockout_failure_attempts=2, lockout_duration=0)
        for _ in range(2):
            self.login("wrong")
        self.cloud.now += 30 * DAY_S
        self.assertEqual(self.login().code, 401)
        self.patch(enabled=True)
        self.assertEqual(self.login().code, 201)

    def test_some_are_never_locked(self) -> None:
        self.begin(lockout_failure_attempts=2)
        self.patch(options={"ignore_lockout_failure_attempts": True})
        for _ in range(9):
            self.login("wrong")
        self.assertEqual(self.login().code, 201)


class InactivityTests(ComplianceCase):
    def test_who_stays_away_is_disabled_until_enabled_again(self) -> None:
        self.begin(disable_user_account_days_inactive=30)
        self.assertEqual(self.login().code, 201)
        self.cloud.now += 29 * DAY_S
        self.assertEqual(self.login().code, 201)
        self.cloud.now += 29 * DAY_S
        self.assertEqual(self.login().code, 201)
        self.cloud.now += 30 * DAY_S
        self.refused(self.login(), 401, DENIED)
        self.refused(self.change("another"), 401, DENIED)
        self.patch(enabled=True)
        self.assertEqual(self.login().code, 201)

    def test_some_may_stay_away(self) -> None:
        self.begin(disable_user_account_days_inactive=30)
        self.login()
        self.patch(options={"ignore_user_inactivity": True})
        self.cloud.now += 90 * DAY_S
        self.assertEqual(self.login().code, 201)


class SettingsTests(SynchronousTestCase):
    def test_values_that_make_no_sense(self) -> None:
        for wrong in ({"password_regex": "("}, {"lockout_duration": -1}):
            with self.assertRaises(ValueError):
                SecurityCompliance(**wrong)
