"""
/v3/domains/<id>/config: options of a domain's own.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.identity.compliance import SecurityCompliance
from tests.synnefo_tx.identity.asking import AskingCase
from tests.synnefo_tx.identity.cloud import Answer, identity_cloud

CONFIG = {"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://x", "user_tree_dn": "ou=U"}}
PATH = "/domains/other/config"


class DomainConfigTests(AskingCase):
    def put(self, config: Any = CONFIG) -> Answer:
        return self.ask("PUT", PATH, {"config": config})

    def shown(self, below: str = "") -> Any:
        answer = self.ask("GET", PATH + below)
        return answer.json["config"] if answer.code == 200 else answer.code

    def test_what_is_given_is_shown_whole_and_in_parts(self) -> None:
        made = self.put()
        self.assertEqual((made.code, made.json["config"]), (201, CONFIG))
        self.assertEqual(self.shown(), CONFIG)
        self.assertEqual(self.shown("/ldap"), {"ldap": CONFIG["ldap"]})
        self.assertEqual(self.shown("/ldap/url"), {"url": "ldap://x"})
        self.assertEqual(self.shown("/ldap/suffix"), 404)

    def test_a_second_one_replaces_the_first(self) -> None:
        self.put()
        other = {"identity": {"list_limit": 5}}
        self.assertEqual(self.put(other).code, 200)
        self.assertEqual(self.shown(), other)

    def test_a_change_leaves_the_rest(self) -> None:
        self.put()
        for below, config in (
            ("", {"ldap": {"url": "ldap://y"}}),
            ("/identity", {"identity": {"list_limit": 7}}),
            ("/identity/driver", {"driver": "sql"}),
        ):
            self.assertEqual(self.ask("PATCH", PATH + below, {"config": config}).code, 200)
        self.assertEqual(
            self.shown(),
            {
                "identity": {"driver": "sql", "list_limit": 7},
                "ldap": {"url": "ldap://y", "user_tree_dn": "ou=U"},
            },
        )

    def test_parts_go_alone(self) -> None:
        self.put()
        for below in ("/ldap/url", "/identity"):
            self.assertEqual(self.ask("DELETE", PATH + below).code, 204)
            self.assertEqual(self.ask("DELETE", PATH + below).code, 404)
        self.assertEqual(self.shown(), {"ldap": {"user_tree_dn": "ou=U"}})
        self.assertEqual(self.ask("DELETE", PATH).code, 204)
        self.assertEqual(self.shown(), 404)

    def test_a_password_is_kept_and_never_told(self) -> None:
        secret = {"ldap": {"password": "s3cret"}}
        made = self.put({"ldap": CONFIG["ldap"] | secret["ldap"]})
        changed = self.ask("PATCH", f"{PATH}/ldap/password", {"config": secret["ldap"]})
        shown = self.ask("GET", PATH)
        for answer in (made, changed, shown):
            self.assertNotIn(b"s3cret", answer.body)
            self.assertEqual(answer.json["config"], {"ldap": CONFIG["ldap"]})
        self.assertEqual(self.shown("/ldap/password"), 404)
        self.told(self.ask("GET", "/domains/config/ldap/password/default"), 403, "not supported")

    def test_wrong_ones(self) -> None:
        self.put()
        for below, config, text in (
            ("", {}, "No options specified"),
            ("", {"ldap": {}}, "The value of group ldap specified in the config should be"),
            ("", {"ldap": "x"}, "The value of group ldap specified in the config should be"),
            ("", {"nova": {"a": 1}}, "Group nova is not supported"),
            ("", {"ldap": {"a": 1}}, "Option a in group ldap is not supported"),
            ("/ldap", CONFIG, "Trying to update group ldap"),
            ("/ldap/url", {"suffix": "x"}, "Trying to update option url in group ldap"),
        ):
            answer = self.ask("PATCH", PATH + below, {"config": config})
            self.told(answer, 403, f"Invalid domain specific configuration: {text}")
        path = f"{PATH}/ldap/suffix"
        self.told(self.ask("PATCH", path, {"config": {"suffix": "x"}}), 404, "option suffix in")
        self.assertEqual(self.ask("GET", "/domains/nope/config").code, 404)

    def test_defaults(self) -> None:
        whole = self.ask("GET", "/domains/config/default").json["config"]
        self.assertEqual(set(whole), {"identity", "ldap"})
        part = self.ask("GET", "/domains/config/ldap/default").json["config"]
        self.assertEqual(part, {"ldap": whole["ldap"]})
        one = self.ask("GET", "/domains/config/identity/driver/default").json["config"]
        self.assertEqual(one, {"driver": "sql"})

    def test_it_goes_with_its_domain(self) -> None:
        self.put()
        self.ask("PATCH", "/domains/other", {"domain": {"enabled": False}})
        self.assertEqual(self.ask("DELETE", "/domains/other").code, 204)
        self.assertEqual(self.ask("GET", PATH).code, 404)

    def test_members_neither_see_nor_change_it(self) -> None:
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            body = {"config": CONFIG} if method in ("PUT", "PATCH") else None
            self.assertEqual(self.ask(method, PATH, body, self.alice).code, 403)

    def test_everybody_may_know_what_a_password_has_to_be(self) -> None:
        """
        Of the default domain, and nothing else of the rules.
        """
        rule, text = "^.{7,}$", "Seven letters"
        policy = SecurityCompliance(password_regex=rule, password_regex_description=text)
        self.cloud = identity_cloud(self, policy=policy)
        self.alice = self.cloud.token("alice", {"project": {"id": "p1"}})
        self.admin = self.cloud.token("admin", {"project": {"id": "p1"}})
        at = "/domains/default/config/security_compliance"
        told = {"password_regex": rule, "password_regex_description": text}
        for path, said in (
            (at, {"security_compliance": told}),
            (f"{at}/password_regex", {"password_regex": rule}),
            (f"{at}/password_regex_description", {"password_regex_description": text}),
        ):
            self.assertEqual(self.ask("GET", path, None, self.alice).json, {"config": said})
            self.assertEqual(self.ask("HEAD", path, None, self.alice).code, 200)
        for path, code in (
            (f"{at}/lockout_duration", 403),
            ("/domains/other/config/security_compliance", 403),
            ("/domains/nope/config/security_compliance", 404),
        ):
            self.assertEqual(self.ask("GET", path, None, self.alice).code, code, path)
        self.assertEqual(self.ask("PATCH", at, {"config": {"security_compliance": told}}).code, 403)
