"""
The pure parts, with any input: patches, ranges, heads of qcow2 files, what qemu-img tells.
"""

from __future__ import annotations

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from synnefo_tx.errors import BadRequest, DomainError, RangeUnsatisfiable
from synnefo_tx.image.convert import IConverter, QemuConverter, checked_info
from synnefo_tx.image.downloads import asked_span
from synnefo_tx.image.errors import UnacceptableDisk
from synnefo_tx.image.flight import Flight
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.qcow2 import read_head
from synnefo_tx.image.reception import pieces
from synnefo_tx.image.rules.attributes import READ_ONLY
from synnefo_tx.image.rules.creation import new_image
from synnefo_tx.image.rules.patch import changed, changes
from synnefo_tx.image.views.images import shown
from tests.synnefo_tx.image.qcow2_files import qcow2_head

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [*("name", "tags", "min_disk", "visibility", "owner", "locations", "x", "id", "a/b")]
) | st.text(max_size=6)
IMAGE = Image(
    id="i", name="n", owner="p", tags=("t",), properties={"x": "1"}, created_at=1, updated_at=1
)


class PatchTests(SynchronousTestCase):
    @settings(max_examples=300)
    @given(
        st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "op": st.sampled_from(["add", "replace", "remove", "test"]) | VALUES,
                    "path": NAMES.map(lambda name: f"/{name}") | VALUES,
                    "value": VALUES,
                },
            )
            | VALUES,
            max_size=3,
        )
        | VALUES,
        st.booleans(),
    )
    def test_any_patch(self, body: object, is_admin: bool) -> None:
        """A patch is refused, or leaves an image whose read-only fields are as before."""
        try:
            after = changed(IMAGE, changes(body, old_draft=False), is_admin, 2)
        except DomainError:
            return
        self.assertEqual(
            [getattr(after, name, None) for name in READ_ONLY if name != "updated_at"],
            [getattr(IMAGE, name, None) for name in READ_ONLY if name != "updated_at"],
        )
        self.assertTrue(json.dumps(shown(after)))
        self.assertTrue(is_admin or after.visibility != "public")

    @settings(max_examples=300)
    @given(st.dictionaries(NAMES, VALUES, max_size=4) | VALUES)
    def test_any_new_image(self, body: object) -> None:
        """A body is refused, or makes a queued image of the caller's own."""
        try:
            image = new_image(body, Viewer("p"), 2)
        except DomainError:
            return
        self.assertEqual((image.status, image.owner, len(image.id)), ("queued", "p", 36))
        self.assertTrue(json.dumps(shown(image)))


class SpanTests(SynchronousTestCase):
    @given(st.text(max_size=20) | st.from_regex(r"bytes=\d{0,3}-\d{0,3}", fullmatch=True),
           st.integers(0, 200))  # fmt: skip
    def test_any_range(self, header: str, size: int) -> None:
        """A range is refused, or lies within the file and has a byte."""
        try:
            span = asked_span(header, size)
        except (BadRequest, RangeUnsatisfiable):
            return
        if span is not None:
            self.assertTrue(0 <= span.start < span.end <= size)


class PiecesTests(SynchronousTestCase):
    @given(st.lists(st.binary(min_size=1, max_size=20), max_size=20), st.integers(1, 30))
    def test_any_chunking(self, chunks: list[bytes], size: int) -> None:
        """However bytes come, they are cut into pieces of one size, the last one shorter."""
        left = [*chunks, b""]

        async def read() -> bytes:
            return left.pop(0)

        async def cut() -> list[bytes]:
            return [piece async for piece in pieces(read, size)]

        got = self.successResultOf(Deferred.fromCoroutine(cut()))
        self.assertEqual(b"".join(got), b"".join(chunks))
        self.assertTrue(all(len(piece) == size for piece in got[:-1]))
        self.assertTrue(all(0 < len(piece) <= size for piece in got))


class Qcow2Tests(SynchronousTestCase):
    def test_good(self) -> None:
        """Both versions, and lazy refcounts."""
        for head in (qcow2_head(), qcow2_head(version=2), qcow2_head(incompatible=1)):
            self.assertEqual(read_head(head).virtual_size, 1024 * 1024)

    def test_refused(self) -> None:
        """Each thing that we don't take, by name."""
        for head, text in (
            (qcow2_head(backing_offset=112, backing_size=5), "Image has a backing file"),
            (qcow2_head(encryption=1), "Image is encrypted"),
            (qcow2_head(encryption=2), "Image is encrypted"),
            (qcow2_head(incompatible=4), "Image has an external data file"),
            (qcow2_head(incompatible=2), "Image is marked as corrupt"),
            (qcow2_head(incompatible=1 << 40), "Image has unknown qcow2 features 0x10000000000"),
            (qcow2_head(version=4), "Image has an unknown qcow2 version 4"),
            (qcow2_head(cluster_bits=63), "Image has a bad qcow2 cluster size 2^63"),
            (qcow2_head()[:80], "Image is not a qcow2 file"),
            (b"", "Image is not a qcow2 file"),
        ):
            with self.assertRaises(UnacceptableDisk) as caught:
                read_head(head)
            self.assertEqual(str(caught.exception), text)

    @given(st.binary(max_size=200).map(lambda data: b"QFI\xfb" + data))
    def test_any_head(self, data: bytes) -> None:
        """Any bytes are a head or are refused."""
        with contextlib.suppress(UnacceptableDisk):
            read_head(data)


class InfoTests(SynchronousTestCase):
    def told(self, **info: object) -> bytes:
        return json.dumps({"virtual-size": 1024, "format": "qcow2", **info}).encode()

    def test_good(self) -> None:
        """The virtual size is taken."""
        self.assertEqual(checked_info(self.told(), "qcow2", 2048), 1024)

    def test_refused(self) -> None:
        """What qemu-img tells is looked at again."""
        data_file = {"type": "qcow2", "data": {"data-file": "/etc/passwd"}}
        for output, text in (
            (self.told(format="raw"), "Image is not a qcow2 file"),
            (self.told(**{"backing-filename": "b"}), "Image has a backing file"),
            (self.told(**{"format-specific": data_file}), "Image has an external data file"),
            (self.told(encrypted=True), "Image is encrypted"),
            (
                self.told(**{"virtual-size": 4096}),
                "Image has a virtual size of 4096 bytes, and at most 2048 are taken",
            ),
            (b"nonsense", "Image could not be read as a disk of its format"),
            (b"[]", "Image could not be read as a disk of its format"),
            (b'{"virtual-size": null}', "Image could not be read as a disk of its format"),
        ):
            with self.assertRaises(UnacceptableDisk) as caught:
                checked_info(output, "qcow2", 2048)
            self.assertEqual(str(caught.exception), text)

    def test_interface(self) -> None:
        """QemuConverter provides IConverter."""
        self.assertTrue(verifyObject(IConverter, QemuConverter(None, "/x")))


class FlightTests(SynchronousTestCase):
    def test_limit(self) -> None:
        """A third waits until one of two has landed."""
        landings: list[Deferred[None]] = [Deferred() for _ in range(3)]
        begun: list[int] = []

        async def fly(number: int) -> None:
            begun.append(number)
            await landings[number]

        flight = Flight(2)

        async def all_of_them() -> None:
            for number in range(3):
                await flight.launch(fly, number)
            await flight.land()

        done = Deferred.fromCoroutine(all_of_them())
        self.assertEqual(begun, [0, 1])
        landings[1].callback(None)
        self.assertEqual(begun, [0, 1, 2])
        landings[0].callback(None)
        self.assertNoResult(done)
        landings[2].callback(None)
        self.successResultOf(done)

    def test_failure(self) -> None:
        """One failure is told at the next launch, and settling waits for the rest."""
        slow: Deferred[None] = Deferred()

        async def fail() -> None:
            raise ZeroDivisionError

        async def wait() -> None:
            await slow

        flight = Flight(5)
        self.successResultOf(Deferred.fromCoroutine(flight.launch(wait)))
        self.successResultOf(Deferred.fromCoroutine(flight.launch(fail)))
        self.failureResultOf(Deferred.fromCoroutine(flight.launch(wait)), ZeroDivisionError)
        settled = Deferred.fromCoroutine(flight.settle())
        self.assertNoResult(settled)
        slow.callback(None)
        self.successResultOf(settled)
