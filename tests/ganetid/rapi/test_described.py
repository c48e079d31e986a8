"""The description of the remote API: query arguments, beside what handlers look at."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ClusterFacts
from ganetid.opcodes.table import OPCODES
from ganetid.rapi.api import Api, Verb
from ganetid.rapi.arguments import Call
from ganetid.rapi.openapi import document
from ganetid.rapi.query_arguments import ARGUMENTS, OWN
from ganetid.rapi.routes import RESOURCES

BODIES: tuple[Any, ...] = ({}, "offline")
REFUSED = {"compression_tools"}  # looked for to refuse it
GIVEN: tuple[dict[str, list[str]], ...] = (
    {}, {"bulk": ["1"]}, {"fields": ["name"]}, {"limit": ["1"]}, {"length": ["1"]},
    {"output_fields": ["x"], "name": ["x"]},
)  # fmt: skip


class Query(dict[str, list[str]]):
    """Remembers what it was asked for."""

    def __init__(self, given: dict[str, list[str]]) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)


def looked_at(path: str, verb: Verb) -> set[str]:
    """Arguments that a handler looks at, as far as it comes in a cluster of nothing."""
    found: set[str] = set()
    cluster = Configuration("c", "n", ClusterFacts("u", "u", "u", 0.0))
    nothing: Any = object()
    for given in GIVEN:
        for body in BODIES:
            query = Query(given)
            call = Call(("1",) * path.count("{"), query, body)
            api = Api(cluster, nothing, nothing, OPCODES)
            Deferred.fromCoroutine(_answer(verb, api, call)).addErrback(lambda _: None)
            found |= query.asked
    return found


async def _answer(verb: Verb, api: Api, call: Call) -> Any:
    return await verb.answer(api, call)


class DescribedTests(SynchronousTestCase):
    """/openapi.json."""

    def test_query(self) -> None:
        """What a handler looks at in the query is described, and every argument has a type."""
        told = document(RESOURCES, OPCODES)["paths"]
        for path, verbs in RESOURCES.items():
            for method, verb in verbs.items():
                parameters = told[path][method.lower()]["parameters"]
                names = {each["name"] for each in parameters if each["in"] == "query"}
                missing = looked_at(path, verb) - names - REFUSED
                self.assertFalse(missing, (method, path))

    def test_table(self) -> None:
        """Nothing is described that is not there."""
        for method, path in OWN:
            self.assertIn(method, RESOURCES[path])
        used = {name for names in OWN.values() for name in names} | {"dry-run", "reason"}
        self.assertEqual(used, set(ARGUMENTS))

    def test_shown(self) -> None:
        """A few, as they are told."""
        told = document(RESOURCES, OPCODES)["paths"]
        (needed, kind, *_) = told["/2/nodes/{name}/storage"]["get"]["parameters"][1:]
        self.assertEqual((needed["name"], needed["required"]), ("output_fields", True))
        self.assertEqual((kind["name"], kind["required"]), ("storage_type", False))
        tags = told["/2/tags"]["put"]["parameters"][0]
        self.assertEqual((tags["in"], tags["schema"]["type"]), ("query", "array"))
