"""
The guest's JSON reader, against Python's.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

SCRIPT = Path(__file__).resolve().parents[2] / (
    "tools/image/guest/root/usr/lib/synnefo-guest/json.awk"
)
READ = r"""
tab=$(printf '\t')
awk -f "$0" >flat || exit 1
while IFS=$tab read -r path value; do printf '%b\0%b\0' "$path" "$value"; done <flat
"""

# What a shell's variable can hold: anything but NUL, and no half of a surrogate pair.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
names = texts.filter(bool)
values = st.recursive(
    st.one_of(texts, st.integers(), st.booleans(), st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(names, values, max_size=4)


def flat(value: object, path: str = "") -> list[tuple[str, str]]:
    """
    Path and text of every value in a document, in order.
    """
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = [(str(position), inner) for position, inner in enumerate(value)]
    else:
        return [(path, value if isinstance(value, str) else json.dumps(value))]
    return [
        found
        for name, inner in pairs
        for found in flat(inner, name if path == "" else f"{path}/{name}")
    ]


class JsonTests(SynchronousTestCase):
    """
    json.awk, run by busybox as in the guest.
    """

    skip = None if shutil.which("busybox") else "busybox is not installed"

    def read(self, text: str) -> list[tuple[str, str]] | None:
        """
        Path and text of every value as the guest sees them; None if it refuses.
        """
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        command = ["busybox", "sh", "-c", READ, str(SCRIPT)]
        done = subprocess.run(
            command, input=text.encode(), cwd=folder, capture_output=True, check=False
        )
        if done.returncode:
            return None
        parts = done.stdout.decode().split("\0")[:-1]
        return list(zip(parts[::2], parts[1::2], strict=True))

    @settings(max_examples=60)
    @given(documents, st.booleans(), st.sampled_from([None, 2]))
    def test_reads_what_was_written(
        self, document: dict[str, object], ascii_only: bool, indent: int | None
    ) -> None:
        """
        Every value comes out as it was, whatever the style of writing.
        """
        text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
        self.assertEqual(self.read(text), flat(document))

    def test_refuses_what_is_no_json(self) -> None:
        """
        A text that is cut off or malformed is refused.
        """
        for text in ("", "{", '{"a": }', '{"a": "b}', '{"a": 1} x', "{'a': 1}", '{"a": "\\u12"}'):
            self.assertIsNone(self.read(text), text)
