"""
Calls every method of Ganeti's client and writes down what came of each, as JSON.

    /usr/bin/python3 tests/conformance/rapi/drive.py HOST PORT USER PASSWORD > answers.json

It needs Debian's python3-ganeti-rapi and nothing of ours.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import pycurl
from ganeti.rapi import client as rapi
from steps import DRIVEN, NO_CHECKS, STEPS, Step

JOB_FIELDS = ("status", "opstatus", "opresult", "summary", "ops")
UNORDERED = frozenset({"GetFeatures"})
PERIOD_S = 0.05
PATIENCE = 2400  # periods


def trusting(curl: Any, logger: Any = None) -> None:
    """The certificate under test is self-signed; reading those of the system costs 0.1 s a call."""
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    curl.unsetopt(pycurl.CAINFO)
    curl.unsetopt(pycurl.CAPATH)


class Driver:
    """Makes the calls; `answers` is what came of them."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self.client = rapi.GanetiRapiClient(host, port, user, password, curl_config_fn=trusting)
        self.answers: list[dict[str, Any]] = []

    def take(self, step: Step) -> Any:
        """Make the call; its answer."""
        entry: dict[str, Any] = {"method": step.method, "arguments": [*step.arguments, step.named]}
        self.answers.append(entry)
        answer = self._called(entry, step.method, step.arguments, step.named)
        if step.is_job and isinstance(answer, int):
            entry["answer"] = "<job>"
            entry["job"] = self.ended(answer)
        return answer

    def _called(
        self, entry: dict[str, Any], method: str, arguments: Any, named: dict[str, Any]
    ) -> Any:
        try:
            answer = getattr(self.client, method)(*arguments, **named)
            entry["answer"] = sorted(answer) if method in UNORDERED else answer
        except rapi.GanetiApiError as error:
            entry["error"] = {"code": error.code, "message": str(error)}
        except rapi.Error as error:
            entry["error"] = {"class": type(error).__name__}
        return entry.get("answer")

    def ended(self, job: int) -> dict[str, Any]:
        """The job as it ended, and those that it made."""
        self.client.WaitForJobCompletion(job, period=PERIOD_S, retries=PATIENCE)
        status = self.client.GetJobStatus(job)
        result = {name: status[name] for name in JOB_FIELDS}
        for each in status["opresult"]:
            if isinstance(each, dict) and "jobs" in each:
                result["children"] = [self.ended(child)["status"] for _, child in each["jobs"]]
        return result

    def jobs(self) -> None:
        """The calls that are about jobs."""
        job = self.client.AddClusterTags(["job:test"], dry_run=True)
        done = self.client.WaitForJobCompletion(job, period=PERIOD_S, retries=PATIENCE)
        self.note("WaitForJobCompletion", done)
        change = self.client.WaitForJobChange(job, ["status", "opstatus"], None, None)
        self.note("WaitForJobChange", change)
        unchanged = self.client.WaitForJobChange(job, ["status"], ["success"], 999)
        self.note("WaitForJobChange", unchanged)
        self.note("CancelJob", self.client.CancelJob(job)[0])
        self.note("CancelJob", self.client.CancelJob(99999999)[0])
        listed = self.client.GetJobs()
        self.note("GetJobs", sorted(listed[0]) if isinstance(listed[0], dict) else "ids")
        bulk = self.client.GetJobs(bulk=True)
        self.note("GetJobs", sorted(bulk[0]))
        self.note("GetJobStatus", sorted(self.client.GetJobStatus(job)))

    def many(self) -> None:
        """Many instances at once."""
        make = self.client.InstanceAllocation
        wanted = [
            make("create", f"many{number}.example.com", "diskless", [], [{}], os="dummy+default",
                 pnode="node1", hypervisor="fake", start=False, **NO_CHECKS)
            for number in (1, 2)
        ]  # fmt: skip
        self.note("InstanceAllocation", wanted[0])
        self.take(Step("InstancesMultiAlloc", (wanted,), {}, is_job=True))
        for number in (1, 2):
            name = f"many{number}.example.com"
            self.take(Step("GetInstance", (name,)))
            self.take(Step("DeleteInstance", (name,), {}, is_job=True))
        self.take(Step("InstancesMultiAlloc", ([{**wanted[0], "__version__": 1}],), {}, True))

    def tidy(self) -> None:
        """Leave no rules of the job queue."""
        with contextlib.suppress(rapi.GanetiApiError):  # it was noted when they were asked for
            for each in self.client.GetFilters():
                self.client.DeleteFilter(each)

    def note(self, method: str, answer: Any) -> None:
        """Write an answer down."""
        self.answers.append({"method": method, "arguments": [], "answer": answer})


def methods() -> set[str]:
    """Names of the client's methods."""
    names = vars(rapi.GanetiRapiClient)
    return {name for name in names if name[0].isupper() and callable(names[name])}


def main(host: str, port: str, user: str, password: str) -> int:
    """Make all calls; the exit status is 1 when a method of the client was not among them."""
    driver = Driver(host, int(port), user, password)
    for number, step in enumerate(STEPS):
        try:
            driver.take(step)
        except Exception:
            print(f"call {number} of {step.method} broke", file=sys.stderr)
            raise
    driver.jobs()
    driver.many()
    driver.tidy()
    missing = sorted(methods() - {step.method for step in STEPS} - set(DRIVEN))
    json.dump({"answers": driver.answers, "missing": missing}, sys.stdout, indent=1, sort_keys=True)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
