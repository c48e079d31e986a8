"""
Microversions: which behaviour of an API the caller asks for, and the headers that say what it got.

Source: Nova's and Cinder's answers to good and bad version headers.
"""

from __future__ import annotations

import re

from attrs import frozen

from synnefo_tx.errors import BadRequest, Unacceptable
from synnefo_tx.http.call import Call

Version = tuple[int, int]

HEADER = "OpenStack-API-Version"
_FORM = re.compile(r"([1-9]\d*)\.([1-9]\d*|0)\Z", re.ASCII)


def text(version: Version) -> str:
    """
    (2, 10) as "2.10".
    """
    return f"{version[0]}.{version[1]}"


@frozen
class Range:
    """
    The microversions of one API.  service: its name in the header, such as "compute";
    legacy_header: an older header that carries the number alone.
    """

    service: str
    minimum: Version
    maximum: Version
    legacy_header: str | None = None

    def choose(self, call: Call) -> Version:
        """
        What the headers ask for; the minimum when they don't.  Raises BadRequest or Unacceptable.
        """
        asked = self._asked(call)
        if asked is None:
            return self.minimum
        if asked == "latest":
            return self.maximum
        form = _FORM.match(asked)
        if form is None:
            raise BadRequest(
                f"API Version String {asked} is of invalid format. Must be of format "
                "MajorNum.MinorNum."
            )
        version = (int(form[1]), int(form[2]))
        if not self.minimum <= version <= self.maximum:
            call.extra_headers += self.headers(version)
            raise Unacceptable(
                f"Version {text(version)} is not supported by the API. Minimum is "
                f"{text(self.minimum)} and maximum is {text(self.maximum)}."
            )
        return version

    def headers(self, version: Version) -> list[tuple[str, str]]:
        """
        What every answer carries.
        """
        made = [(HEADER, f"{self.service} {text(version)}")]
        if self.legacy_header:
            made.append((self.legacy_header, text(version)))
        made.append(("Vary", HEADER))
        if self.legacy_header:
            made.append(("Vary", self.legacy_header))
        return made

    def _asked(self, call: Call) -> str | None:
        for part in call.header(HEADER).split(","):
            words = part.split()
            if words and words[0].lower() == self.service:
                return " ".join(words[1:]).strip()
        if self.legacy_header:
            return call.header(self.legacy_header).strip() or None
        return None
