"""
What a verification finds, and how the job's log and result say it.

Source: Ganeti 3.0.2, its error codes and the form of its messages.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field, frozen

from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Field, Input, boolean, list_of, one_of
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError

# code -> the kind of what it is about
CODES = {
    "ECLUSTERCFG": "cluster",
    "ECLUSTERDANGLINGINST": "node",
    "ECLUSTERDANGLINGNODES": "node",
    "EINSTANCEBADNODE": "instance",
    "EINSTANCEDOWN": "instance",
    "EINSTANCEFAULTYDISK": "instance",
    "EINSTANCEMISSINGDISK": "instance",
    "EINSTANCEPOLICY": "instance",
    "EINSTANCEWRONGNODE": "instance",
    "ENODEHV": "node",
    "ENODEN1": "node",
    "ENODEORPHANINSTANCE": "node",
    "ENODEOS": "node",
    "ENODERPC": "node",
}
# Of these a Ganeti finds what can't be here; they may be ignored all the same.
OTHER_CODES = (
    "ECLUSTERCERT", "ECLUSTERCLIENTCERT", "ECLUSTERFILECHECK", "EEXTAGS",
    "EGROUPDIFFERENTPVSIZE", "EINSTANCELAYOUT", "EINSTANCEMISSINGCFGPARAMETER",
    "EINSTANCESPLITGROUPS", "EINSTANCEUNSUITABLENODE", "ENODEDRBD", "ENODEDRBDHELPER",
    "ENODEDRBDVERSION", "ENODEFILECHECK", "ENODEFILESTORAGEPATHS",
    "ENODEFILESTORAGEPATHUNUSABLE", "ENODEGLUSTERSTORAGEPATHUNUSABLE", "ENODEHOOKS", "ENODELVM",
    "ENODENET", "ENODEOOBPATH", "ENODEORPHANLV", "ENODESETUP",
    "ENODESHAREDFILESTORAGEPATHUNUSABLE", "ENODESSH", "ENODETIME", "ENODEUSERSCRIPTS",
    "ENODEVERSION",
)  # fmt: skip
FIELDS = (
    Field("debug_simulate_errors", boolean, False),
    Field("error_codes", boolean, False),
    Field("ignore_errors", list_of(one_of(*CODES, *OTHER_CODES)), []),
    Field("verbose", boolean, False),
)


@frozen
class Finding:
    """Something that is not as it should be.  code: of CODES.  name: of what it is about."""

    code: str
    name: str
    text: str
    is_warning: bool = False

    def line(self, with_code: bool, ignored: bool) -> str:
        """As it stands in the job's log."""
        weight = "WARNING" if self.is_warning or ignored else "ERROR"
        kind = CODES[self.code]
        if with_code:
            return f"  - {weight}:{self.code}:{kind}:{self.name or None}:{self.text}"
        return f"  - {weight}: {kind} {self.name}: {self.text}"


@define
class Report:
    """Tells the job's log of findings.  is_good: none was an error so far."""

    context: Context
    given: Input
    is_good: bool = field(default=True, init=False)

    def step(self, text: str) -> None:
        """What is looked at now."""
        self.context.log(f"* {text}")

    def tell(self, findings: Iterable[Finding]) -> None:
        """Log them."""
        for each in findings:
            ignored = each.code in self.given["ignore_errors"]
            self.context.log(each.line(self.given["error_codes"], ignored))
            if not each.is_warning and not ignored:
                self.is_good = False


def report(context: Context, given: Input) -> Report:
    """An empty one.  Raises OpPrereqError when errors are to be made up."""
    if given["debug_simulate_errors"]:
        raise OpPrereqError("Errors are found here, and not simulated", WRONG_INPUT)
    return Report(context, given)
