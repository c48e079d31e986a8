"""
Signatures and codes against the examples of their specifications.
"""

from __future__ import annotations

import base64
import hashlib

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.rules.signatures import Signed, is_signed_with, s3_is_signed_with
from synnefo_tx.identity.rules.totp import code_at, step_of

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # AWS's examples
SECRET_4 = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SCOPE = "20150830/us-east-1/iam/aws4_request"
VERSION_4 = Signed(
    access="AKIDEXAMPLE",
    signature="5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    host="iam.amazonaws.com",
    verb="GET",
    path="/",
    params={"Action": "ListUsers", "Version": "2010-05-08"},
    headers={
        "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{SCOPE}, "
        "SignedHeaders=content-type;host;x-amz-date, Signature=x",
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "Host": "iam.amazonaws.com",
        "X-Amz-Date": "20150830T123600Z",
    },
    body_hash=hashlib.sha256(b"").hexdigest(),
)
VERSION_2 = Signed(
    access="AKIAIOSFODNN7EXAMPLE",
    signature="i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs=",
    host="elasticmapreduce.amazonaws.com",
    verb="GET",
    path="/",
    params={
        "AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "Action": "DescribeJobFlows",
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": "2011-10-03T15:19:30",
        "Version": "2009-03-31",
    },
)


@frozen
class Other:
    """
    A request with one part changed.
    """

    name: str
    value: object

    def of(self, request: Signed) -> Signed:
        parts = {name: getattr(request, name) for name in Signed.__struct_fields__}
        return Signed(**parts | {self.name: self.value})


class SignatureTests(SynchronousTestCase):
    def test_the_examples_of_aws(self) -> None:
        self.assertTrue(is_signed_with(VERSION_4, SECRET_4))
        self.assertTrue(is_signed_with(VERSION_2, SECRET))

    def test_any_change_breaks_it(self) -> None:
        for request, secret in ((VERSION_4, SECRET_4), (VERSION_2, SECRET)):
            self.assertFalse(is_signed_with(request, secret + "x"))
            for change in (
                Other("signature", "x"),
                Other("signature", ""),
                Other("verb", "DELETE"),
                Other("path", "/other"),
                Other("params", request.params | {"Action": "DeleteUser"}),
            ):
                self.assertFalse(is_signed_with(change.of(request), secret), change)
        self.assertFalse(is_signed_with(Other("body_hash", "0" * 64).of(VERSION_4), SECRET_4))

    def test_a_client_that_leaves_the_port_out(self) -> None:
        ported = Other("host", f"{VERSION_2.host}:8080").of(VERSION_2)
        self.assertTrue(is_signed_with(ported, SECRET))

    def test_another_day_than_the_key_s_is_refused(self) -> None:
        headers = VERSION_4.headers | {"X-Amz-Date": "20150831T123600Z"}
        later = Other("headers", headers).of(VERSION_4)
        self.assertRaises(NotAuthenticated, is_signed_with, later, SECRET_4)

    def test_s3_version_1(self) -> None:
        text = b"GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/johnsmith/photos/puppy.jpg"
        token = base64.urlsafe_b64encode(text).decode()
        signature = "bWq2s1WEIj+Ydj0vQ697zp+IXMU="
        self.assertTrue(s3_is_signed_with(Signed("a", signature, token=token), SECRET))
        self.assertFalse(s3_is_signed_with(Signed("a", signature, token=token), "other"))

    def test_s3_version_4_is_for_s3_alone(self) -> None:
        digest = hashlib.sha256(b"the request").hexdigest()
        for service, refused in (("s3", False), ("ec2", True)):
            scope = f"20150830/us-east-1/{service}/aws4_request"
            text = f"AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{digest}".encode()
            signed = Signed("a", "0" * 64, token=base64.urlsafe_b64encode(text).decode())
            if refused:
                self.assertRaises(NotAuthenticated, s3_is_signed_with, signed, SECRET)
            else:
                self.assertFalse(s3_is_signed_with(signed, SECRET))


class CodeTests(SynchronousTestCase):
    key = b"12345678901234567890"
    secret = base64.b32encode(key).decode()

    def test_the_examples_of_rfc_6238(self) -> None:
        for at, code in (
            (59, "287082"),
            (1111111109, "081804"),
            (1234567890, "005924"),
            (2000000000, "279037"),
        ):
            self.assertEqual(code_at(self.key, at // 30), code)
            self.assertEqual(step_of(self.secret, code, at), at // 30)

    def test_a_code_is_good_for_its_step_and_the_next(self) -> None:
        code = code_at(self.key, 2)
        for at, step in ((59, None), (60, 2), (89, 2), (119, 2), (120, None)):
            self.assertEqual(step_of(self.secret, code, at), step)

    def test_secrets_without_padding_and_those_that_are_none(self) -> None:
        short = base64.b32encode(b"12345678901").decode().rstrip("=")
        self.assertEqual(step_of(short, code_at(b"12345678901", 1), 30), 1)
        for secret in ("1", "é", "not base 32!"):
            self.assertIsNone(step_of(secret, "287082", 59))
        wide = "287082".translate({ord("2"): 0xFF12})  # a digit, and no 2
        self.assertIsNone(step_of(self.secret, wide, 59))
