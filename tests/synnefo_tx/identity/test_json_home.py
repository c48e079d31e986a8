"""
The JSON home document.
"""

from __future__ import annotations

import re

from tests.synnefo_tx.identity.asking import AskingCase

HOME = "application/json-home"
DOCS = "https://docs.openstack.org/api/openstack-identity/3"


class JsonHomeTests(AskingCase):
    def home(self, path: str = "/v3") -> dict[str, dict[str, object]]:
        answer = self.cloud.ask("GET", path, headers={"Accept": HOME})
        self.assertEqual((answer.code, answer.header("Content-Type")), (200, HOME))
        resources: dict[str, dict[str, object]] = answer.json["resources"]
        return resources

    def test_everything_that_it_names_is_there(self) -> None:
        """
        Also where Keystone calls the parts of a path otherwise.
        """
        known = {re.sub("<.*?>", "{}", path) for _, path, _ in self.cloud.router.routes}
        for relation, told in self.home().items():
            path = str(told.get("href") or told["href-template"])
            self.assertIn("/v3" + re.sub("{.*?}", "{}", path), known, relation)

    def test_as_keystone_says_it(self) -> None:
        home = self.home()
        self.assertEqual(home[f"{DOCS}/rel/users"], {"href": "/users"})
        self.assertEqual(
            home[f"{DOCS}/ext/OS-TRUST/1.0/rel/trust_role"],
            {
                "href-template": "/OS-TRUST/trusts/{trust_id}/roles/{role_id}",
                "href-vars": {
                    "trust_id": f"{DOCS}/ext/OS-TRUST/1.0/param/trust_id",
                    "role_id": f"{DOCS}/param/role_id",
                },
            },
        )
        self.assertEqual(home[f"{DOCS}/rel/limits"]["hints"], {"status": "experimental"})
        self.assertIn(f"{DOCS}/ext/OS-EC2/1.0/rel/ec2tokens", home)

    def test_at_the_root_paths_begin_with_the_version(self) -> None:
        self.assertEqual(self.home("/")[f"{DOCS}/rel/users"], {"href": "/v3/users"})

    def test_who_does_not_ask_for_it_gets_the_versions(self) -> None:
        for accept in ("", "*/*", "application/json", f"application/json, {HOME};q=0.5", "text/x"):
            answer = self.cloud.ask("GET", "/v3", headers={"Accept": accept})
            self.assertIn("version", answer.json, accept)
        both = f"application/json;q=0.5, {HOME}"
        answer = self.cloud.ask("GET", "/v3", headers={"Accept": both})
        self.assertIn("resources", answer.json)
