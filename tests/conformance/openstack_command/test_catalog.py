"""
Services, endpoints, regions and limits by the `openstack` command.
"""

from __future__ import annotations

from tests.conformance.openstack_command.steps import Does, Fails, Gives, Lacks, Lists, TypingCase


class CatalogTests(TypingCase):
    """What is offered where."""

    def test_regions(self) -> None:
        """One within another, which goes with it."""
        self.steps(
            Gives("region create far --description F", region="far", parent_region=None),
            Gives("region create near --parent-region far", parent_region="far"),
            Fails("region create near", "Duplicate entry found with ID near"),
            Does("region set near --description N"),
            Gives("region show near", description="N"),
            Lists("region list --parent-region far", "Region", "near"),
            Lists("region list", "Region", "RegionOne", "far", "near"),
            Does("region delete far"),
            Fails("region show near", "Could not find region: near"),
            Lists("region list", "Region", "RegionOne"),
        )

    def test_services_and_endpoints(self) -> None:
        """A project may be told of an endpoint; what is disabled is not offered."""
        self.steps(
            Gives("service create --name clock --description S time", type="time", enabled=True),
            Does("service set clock --name bell --description T"),
            Gives("service show bell", description="T", name="bell"),
            Lists("service list --long", "Type", "time", "identity", among=True),
            Gives(
                "endpoint create --region RegionOne bell public http://bell/", url="http://bell/"
            ),
            Lists("endpoint list --service bell", "URL", "http://bell/"),
            Lists("endpoint list --service bell --interface internal", "URL"),
            Lists("endpoint list --region RegionOne --service bell", "Interface", "public"),
            Gives("catalog show bell", type="time", name="bell"),
        )
        [endpoint] = self.shell.type("endpoint list --service bell -f json").json
        one = endpoint["ID"]
        self.steps(
            Does(f"endpoint set {one} --url http://bell.test/"),
            Gives(f"endpoint show {one}", url="http://bell.test/", service_name="bell"),
            Does("project create heard"),
            Does(f"endpoint add project {one} heard"),
            Lists("endpoint list --project heard", "ID", one),
            Lists(f"endpoint list --endpoint {one}", "Name", "heard"),
            Does(f"endpoint remove project {one} heard"),
            Lists(f"endpoint list --endpoint {one}", "Name"),
            Does("service set bell --disable"),
            Lacks("catalog list", "Name", "bell"),
            Does(f"endpoint delete {one}"),
            Does("service delete bell"),
            Does("project delete heard"),
        )

    def test_the_catalog(self) -> None:
        """Every service of ours, and its versions."""
        self.steps(
            Lists("catalog list", "Type", "compute", "identity", "image", "network", among=True),
            Gives("catalog show compute", name="nova", type="compute"),
            Lists("versions show --service identity", "Version", "3.14"),
            Gives("configuration show", auth_type="password"),
        )

    def test_limits(self) -> None:
        """A registered one, and a project's own."""
        self.steps(
            Does("service create --name ringer ring"),
            Does("project create tower"),
            Gives(
                "registered limit create --service ringer --region RegionOne "
                "--default-limit 5 bells",
                default_limit=5,
                resource_name="bells",
                region_id="RegionOne",
            ),
            Gives(
                "limit create --project tower --service ringer --region RegionOne "
                "--resource-limit 6 bells",
                resource_limit=6,
                resource_name="bells",
            ),
            Lists("registered limit list --resource-name bells", "Default Limit", 5),
            Lists("limit list --service ringer --project tower", "Resource Limit", 6),
        )
        [registered] = self.shell.type("registered limit list --service ringer -f json").json
        [own] = self.shell.type("limit list --resource-name bells -f json").json
        of_all, of_one = registered["ID"], own["ID"]
        self.steps(
            Gives(f"limit set {of_one} --resource-limit 7 --description D", resource_limit=7),
            Gives(f"limit show {of_one}", resource_limit=7, description="D"),
            Fails(f"registered limit delete {of_all}", "1 of 1 registered limits failed to delete"),
            Does(f"limit delete {of_one}"),
            Gives(f"registered limit set {of_all} --default-limit 8", default_limit=8),
            Gives(f"registered limit show {of_all}", default_limit=8),
            Does(f"registered limit delete {of_all}"),
            Does("service delete ringer"),
            Does("project delete tower"),
        )
