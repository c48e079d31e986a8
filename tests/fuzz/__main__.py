"""
``python -m tests.fuzz [TARGET...]``: each target (or those named) with atheris; ``make fuzz``.

FUZZ_RUNS: inputs for each; without it, FUZZ_SECONDS (60) of time for each.  What was found new
stays in build/fuzz/TARGET, what broke something too, as crash-*.  Exit status 1 if any did.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.fuzz import CORPUS, memory
from tests.fuzz.messages import take_count

ROOT = Path(__file__).resolve().parents[2]
FOUND = Path(os.environ.get("SYNNEFO_CACHE") or ROOT / "build").resolve() / "fuzz"
MEMORY_MIB = 1024
ONE_INPUT_S = 20
TOLD_LINES = 40  # of a target that broke
# Instrumented, a generator of the negotiation loses its ``self`` at "yield from" (atheris 2.3.0).
MISCOMPILED = ["archipelagod.nbd.negotiation"]


def instrumented() -> dict[str, Callable[[bytes], None]]:
    """The targets, with coverage of what they call."""
    import atheris

    with atheris.instrument_imports(
        include=["archipelagod", "synnefo_tx.daemon"], exclude=MISCOMPILED
    ):
        targets: dict[str, Callable[[bytes], None]] = importlib.import_module(
            "tests.fuzz.targets"
        ).TARGETS
    return targets


def limits() -> list[str]:
    """How long, as libFuzzer's options."""
    runs = os.environ.get("FUZZ_RUNS")
    if runs:
        return [f"-runs={int(runs)}"]
    return [f"-max_total_time={int(os.environ.get('FUZZ_SECONDS') or 60)}"]


def become(name: str, target: Callable[[bytes], None], log: Path) -> None:
    """This process is the fuzzer of a target; does not return."""
    import atheris

    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    options = [f"-rss_limit_mb={MEMORY_MIB}", f"-timeout={ONE_INPUT_S}", "-max_len=65536"]
    options += [f"-artifact_prefix={FOUND / name}/", "-print_final_stats=1", *limits()]
    folders = [FOUND / name, FOUND / "seeds" / name, CORPUS / name]
    options += [str(folder) for folder in folders if folder.is_dir()]
    atheris.Setup([name, *options], target)
    atheris.Fuzz()
    os._exit(0)


def fuzz(name: str, target: Callable[[bytes], None]) -> bool:
    """Whether the target held."""
    log = FOUND / f"{name}.log"
    (FOUND / name).mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=memory()) as directory:  # it never comes to tidy up
        child = os.fork()
        if not child:
            tempfile.tempdir = directory
            become(name, target, log)
        _, status = os.waitpid(child, 0)
    output = log.read_text("utf-8", "replace")
    inputs = re.findall(r"number_of_executed_units: (\d+)", output)
    edges = re.findall(r"cov: (\d+)", output)
    messages = take_count()
    print(
        f"{name}: {'BROKE' if status else 'held'}, {inputs[-1] if inputs else '?'} inputs, "
        f"{f'{messages} messages, ' if messages else ''}"
        f"{edges[-1] if edges else '?'} edges, {time.monotonic() - started:.0f} s",
        flush=True,
    )
    if status:
        print(*output.splitlines()[-TOLD_LINES:], sep="\n", flush=True)
    return not status


def main(names: list[str]) -> int:
    """Exit status."""
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not there: it has wheels for Python 3.11 on x86-64 only")
        return 2
    targets = instrumented()
    importlib.import_module("tests.fuzz.seeds").write(FOUND / "seeds")
    unknown = set(names) - set(targets)
    if unknown:
        print(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(targets)}")
        return 2
    outcomes = [fuzz(name, targets[name]) for name in names or targets]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
