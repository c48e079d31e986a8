"""
``python -m tests.conformance.cyclades [--mode fake|kvm] [--page] [--record] [PART|REGEX ...]``

Tempest's tests of compute, network, volume and scenario (all of them without an argument; any other
word is a regular expression) against a cloud of its own.  Failures are printed with their reasons;
each part ends with a line of its numbers.  Exit status 1 when a test of passed.txt did not pass, or
none did.  --page: write the parts' sections of docs/conformance.md anew; --record: passed.txt.
--at-once: how many tests run side by side.

``... --serve [--mode fake|kvm]`` starts a cloud and keeps it until it is interrupted; other runs of
that mode use it meanwhile, with the code as it was then, unless they are told ``--fresh``.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conformance.cyclades import namespace, page, ratchet
from tests.conformance.cyclades.cloud import MODES, Running, found, running, served
from tests.conformance.cyclades.slices import SLICES, Slice, slice_of
from tests.conformance.tempest.runs import Asked, Outcome, install, judged
from tests.live.cloud import guest_image

FLAGS = ("page", "record", "serve", "fresh")
PATIENCE_S = 6 * 3600.0


def main(arguments: list[str]) -> int:
    """
    Exit status.
    """
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was made is taken away
    install()
    guest_image()  # before there is no way out of the namespace
    parts = [slice_of(word, options.mode) for word in options.parts or SLICES]
    if options.serve:
        parts = [slice_of("", options.mode)]
    statuses = []
    for mode in MODES:
        chosen = [part for part in parts if part.mode == mode]
        if chosen and mode == "kvm" and not namespace.is_inside():
            words = [part.name or part.tests for part in chosen if part.name or part.tests]
            statuses.append(namespace.run_inside([*_flags(options), "--mode=kvm", *words]))
        elif options.serve and chosen:
            _serve(chosen[0])
        elif chosen:
            statuses.append(_judge(chosen, options))
    return max(statuses, default=0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.cyclades")
    parser.add_argument("parts", nargs="*", metavar="PART|REGEX")
    parser.add_argument("--mode", choices=MODES)
    parser.add_argument("--at-once", type=int, default=1)
    for name in FLAGS:
        parser.add_argument(f"--{name}", action="store_true")
    return parser


def _flags(options: argparse.Namespace) -> list[str]:
    named = [f"--{name}" for name in FLAGS if getattr(options, name)]
    return [*named, f"--at-once={options.at_once}"]


def _serve(part: Slice) -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with running(part.mode, _now()) as cloud, served(cloud):
        print(
            f"conformance: {part.mode} cloud at {cloud.url}, its files in {cloud.home}", flush=True
        )
        ended.wait()


def _judge(parts: Sequence[Slice], options: argparse.Namespace) -> int:
    with _cloud(parts[0], options.fresh) as cloud:
        return max(_one_part(cloud, part, options) for part in parts)


def _one_part(cloud: Running, part: Slice, options: argparse.Namespace) -> int:
    outcomes, before = _outcomes(cloud, part, options.at_once), ratchet.read()
    lost = ratchet.lost(before, outcomes)
    _tell(part, outcomes, lost)
    if options.record:
        ratchet.write(ratchet.after(before, outcomes))
    if options.page and part.name and outcomes:
        page.write(part.name, part.mode, outcomes)
    return 1 if lost or not any(one.outcome == "passed" for one in outcomes) else 0


@contextmanager
def _cloud(part: Slice, is_fresh: bool) -> Iterator[Running]:
    cloud = None if is_fresh else found(part.mode)
    if cloud is not None:
        print(f"conformance: asking the cloud that is served since {cloud.began}", flush=True)
        yield cloud
    else:
        with running(part.mode, _now()) as cloud:
            yield cloud


def _outcomes(cloud: Running, part: Slice, at_once: int) -> Sequence[Outcome]:
    with tempfile.TemporaryDirectory(prefix="snft") as home:
        asked = Asked(part.tests, at_once=at_once, patience_s=PATIENCE_S, lane=part.mode)
        return judged(Path(home), cloud.tempest_conf(Path(home)), asked)


def _tell(part: Slice, outcomes: Sequence[Outcome], lost: Sequence[str]) -> None:
    for one in outcomes:
        if one.outcome == "failed":
            print(f"failed: {one.test}\n{page.shown(one.said)}")
        elif one.outcome == "skipped":
            print(f"skipped: {one.test}: {page.reason(one.said)}")
    for test in lost:
        print(f"this one passed before: {test}")
    numbers = Counter(one.outcome for one in outcomes)
    print(
        f"conformance: tempest-{part.name or 'chosen'} passed {numbers['passed']} "
        f"failed {numbers['failed']} skipped {numbers['skipped']}",
        flush=True,
    )


def _now() -> str:
    return time.strftime("%H:%M")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
