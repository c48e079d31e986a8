"""
Routes, errors and headers, over the real resource without sockets.
"""

from __future__ import annotations

import json
from typing import Any

from treq.testing import StubTreq
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx import errors
from synnefo_tx.http.call import Call
from synnefo_tx.http.dialects import CINDER, GLANCE, KEYSTONE, NEUTRON, NOVA
from synnefo_tx.http.microversions import Range
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from tests.synnefo_tx.http.site import a_router, resource_of

JSON = "application/json"


class RouterTests(SynchronousTestCase):
    def ask(self, router: Router, method: str, path: str, **more: Any) -> tuple[Any, bytes]:
        client = StubTreq(resource_of(router))
        response = self.successResultOf(
            client.request(method, f"http://cloud.test{path}", allow_redirects=False, **more)
        )
        client.flush()
        return response, self.successResultOf(response.content())

    def test_the_pattern_gives_the_arguments(self) -> None:
        """
        Parts of the path arrive at the handler by their names.
        """
        router = a_router()

        @router.route("GET", "/v1/<kind>/<thing>", None)
        async def show(call: Call, kind: str, thing: str) -> Reply:
            return json_reply([kind, thing])

        _, body = self.ask(router, "GET", "/svc/v1/cats/%C3%A9")
        self.assertEqual(json.loads(body), ["cats", "é"])

    def test_a_trailing_slash_is_optional(self) -> None:
        router = a_router()

        @router.route("GET", "/v1/cats", None)
        async def show(call: Call) -> Reply:
            return json_reply("here")

        self.assertEqual(self.ask(router, "GET", "/svc/v1/cats/")[0].code, 200)

    def test_the_root_answers_with_and_without_slash(self) -> None:
        router = a_router()

        @router.route("GET", "/", None)
        async def show(call: Call) -> Reply:
            return json_reply(call.base)

        for path in ("/svc", "/svc/"):
            self.assertEqual(json.loads(self.ask(router, "GET", path)[1]), "http://cloud.test/svc")

    def test_behind_a_proxy_links_carry_the_public_url(self) -> None:
        router = a_router(public_url="https://cloud.example/x/")

        @router.route("GET", "/v1", None)
        async def show(call: Call) -> Reply:
            return json_reply(call.base)

        _, body = self.ask(router, "GET", "/svc/v1")
        self.assertEqual(json.loads(body), "https://cloud.example/x/svc")

    def test_every_answer_has_its_own_request_id(self) -> None:
        router = a_router()
        ids = {
            self.ask(router, "GET", path)[0].headers.getRawHeaders("x-openstack-request-id")[0]
            for path in ("/svc/no", "/svc/no", "/svc/nor")
        }
        self.assertEqual(len(ids), 3)

    def test_an_unknown_path_is_404_in_the_words_of_the_dialect(self) -> None:
        response, body = self.ask(a_router(), "GET", "/svc/nothing")
        self.assertEqual(response.code, 404)
        self.assertEqual(len(body), 207)  # as long as Keystone's
        self.assertEqual(response.headers.getRawHeaders("vary"), ["X-Auth-Token"])

    def test_a_doubled_slash_is_not_redirected(self) -> None:
        router = a_router()

        @router.route("GET", "/v1/cats", None)
        async def show(call: Call) -> Reply:
            return json_reply("here")

        self.assertEqual(self.ask(router, "GET", "/svc//v1//cats")[0].code, 404)

    def test_a_wrong_method_is_405_and_told_which_are_right(self) -> None:
        router = a_router()

        @router.route("GET", "/v1/cats", None)
        async def show(call: Call) -> Reply:
            return json_reply("here")

        @router.route("POST", "/v1/cats", None)
        async def create(call: Call) -> Reply:
            return json_reply("made")

        response, body = self.ask(router, "PUT", "/svc/v1/cats")
        self.assertEqual(response.code, 405)
        self.assertEqual(response.headers.getRawHeaders("allow"), ["GET, HEAD, POST"])
        self.assertEqual(
            json.loads(body), {"message": "The method is not allowed for the requested URL."}
        )

    def test_head_has_the_length_and_no_body(self) -> None:
        router = a_router()

        @router.route("GET", "/v1/cats", None)
        async def show(call: Call) -> Reply:
            return Reply(200, b"meow", "text/plain")

        response, body = self.ask(router, "HEAD", "/svc/v1/cats")
        self.assertEqual(
            (response.code, response.headers.getRawHeaders("content-length"), body),
            (200, ["4"], b""),
        )

    def test_204_has_no_body_length_or_type(self) -> None:
        router = a_router()

        @router.route("DELETE", "/v1/cats", None)
        async def delete(call: Call) -> Reply:
            return empty_reply()

        response, body = self.ask(router, "DELETE", "/svc/v1/cats")
        self.assertEqual((response.code, body), (204, b""))
        self.assertFalse(response.headers.hasHeader("content-type"))
        self.assertFalse(response.headers.hasHeader("transfer-encoding"))

    def test_an_unexpected_exception_is_a_bare_500(self) -> None:
        """
        It is logged, and the client learns nothing of it.
        """
        router = a_router()

        @router.route("GET", "/v1/cats", None)
        async def show(call: Call) -> Reply:
            raise ValueError("the password is swordfish")

        response, body = self.ask(router, "GET", "/svc/v1/cats")
        self.assertEqual(response.code, 500)
        self.assertNotIn(b"swordfish", body)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_without_a_token_nothing_is_told_of_what_exists(self) -> None:
        router = a_router()
        reached = []

        @router.route("GET", "/v1/cats", "svc:see")
        async def show(call: Call) -> Reply:
            reached.append(call)
            return json_reply("here")

        for headers in ({}, {"X-Auth-Token": "bad"}, {"X-Auth-Token": ""}):
            response, _ = self.ask(router, "GET", "/svc/v1/cats", headers=headers)
            self.assertEqual(response.code, 401)
            self.assertEqual(
                response.headers.getRawHeaders("www-authenticate"),
                ['Keystone uri="http://cloud.test/identity/v3"'],
            )
        self.assertEqual(reached, [])

    def test_a_permission_not_given_is_403_before_the_handler(self) -> None:
        router = a_router()
        reached = []

        @router.route("GET", "/v1/cats", "svc:never")
        async def show(call: Call) -> Reply:
            reached.append(call)
            return json_reply("here")

        response, body = self.ask(router, "GET", "/svc/v1/cats", headers={"X-Auth-Token": "good"})
        self.assertEqual(response.code, 403)
        self.assertIn(b"You are not authorized to perform the requested action: svc:never.", body)
        self.assertEqual(reached, [])

    def test_the_handler_knows_who_calls(self) -> None:
        router = a_router()

        @router.route("GET", "/v1/cats", "svc:see")
        async def show(call: Call) -> Reply:
            return json_reply(call.token.user_name)

        _, body = self.ask(router, "GET", "/svc/v1/cats", headers={"X-Auth-Token": "good"})
        self.assertEqual(json.loads(body), "user")

    def test_each_kind_of_error_has_its_status_in_each_dialect(self) -> None:
        kinds = {
            errors.BadRequest: 400,
            errors.NotAuthenticated: 401,
            errors.Forbidden: 403,
            errors.NotFound: 404,
            errors.Unacceptable: 406,
            errors.Conflict: 409,
            errors.TooLarge: 413,
            errors.UnsupportedMedia: 415,
            errors.Unavailable: 503,
        }
        for dialect in (KEYSTONE, NOVA, NEUTRON, GLANCE, CINDER):
            for kind, status in kinds.items():
                router = a_router(dialect=dialect)

                @router.route("GET", "/v1", None)
                async def fail(call: Call, kind: Any = kind) -> Reply:
                    raise kind("because <of> that")

                response, body = self.ask(router, "GET", "/svc/v1")
                self.assertEqual((dialect.name, response.code), (dialect.name, status))
                self.assertTrue(
                    b"<of>" not in body
                    or "html" not in response.headers.getRawHeaders("content-type")[0]
                )

    def test_repeated_keys_of_a_query_are_kept(self) -> None:
        router = a_router()

        @router.route("GET", "/v1", None)
        async def show(call: Call) -> Reply:
            return json_reply([call.queries(), call.query("a"), call.query("c", "none")])

        _, body = self.ask(router, "GET", "/svc/v1?a=1&a=2&b=&%D0%B6=%D0%B9")
        self.assertEqual(
            json.loads(body), [[["a", "1"], ["a", "2"], ["b", ""], ["ж", "й"]], "2", "none"]
        )

    def test_broken_json_is_a_bad_request(self) -> None:
        router = a_router()

        @router.route("POST", "/v1", None)
        async def create(call: Call) -> Reply:
            return json_reply(call.json())

        for body in (b"{", b"", b"\xff", b"[" * 100_000):
            response, answer = self.ask(router, "POST", "/svc/v1", data=body)
            self.assertEqual(response.code, 400, body[:10])
            self.assertEqual(json.loads(answer)["error"]["message"], "Malformed request body")

    def test_a_path_that_is_not_utf8_is_a_bad_request(self) -> None:
        for dialect, media in ((NOVA, "application/json; charset=UTF-8"), (KEYSTONE, JSON)):
            response, body = self.ask(a_router(dialect=dialect), "GET", "/svc/%ff%fe")
            self.assertEqual(response.code, 400)
            self.assertEqual(response.headers.getRawHeaders("content-type"), [media])
            self.assertEqual(len(response.headers.getRawHeaders("x-openstack-request-id")), 1)
            self.assertIn(b"The URL is not UTF-8", body)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_host_that_is_no_name_is_a_bad_request(self) -> None:
        for host in (b"a..b", b"x" * 64, b"h\xff", b".", b"xn--\xc3\xa9"):
            response, _ = self.ask(a_router(), "GET", "/svc/", headers={"Host": [host]})
            self.assertEqual(response.code, 400, host)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_headers_that_are_not_utf8_are_no_defect(self) -> None:
        """
        A token is then no good one; elsewhere the bytes that are no text are replaced.
        """
        router = a_router(microversions=Range("compute", (2, 1), (2, 96)), dialect=GLANCE)

        @router.route("GET", "/mine", "svc:mine")
        async def mine(call: Call) -> Reply:
            return json_reply("mine")

        @router.route("GET", "/v1", None)
        async def show(call: Call) -> Reply:
            return json_reply([call.header("x-what"), call.base])

        for path, name, status in (
            ("/svc/mine", "X-Auth-Token", 401),
            ("/svc/v1", "OpenStack-API-Version", 400),
            ("/svc/mine", "Accept", 401),
            ("/svc/nowhere", "Accept", 404),
        ):
            response, _ = self.ask(router, "GET", path, headers={name: [b"compute \xff"]})
            self.assertEqual(response.code, status, (path, name))
        _, body = self.ask(router, "GET", "/svc/v1", headers={"X-What": [b"a\xff"]})
        self.assertEqual(json.loads(body), ["a\ufffd", "http://cloud.test/svc"])
