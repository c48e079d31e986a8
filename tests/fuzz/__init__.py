"""
Every parser that reads what others wrote, put to arbitrary bytes.

``targets.py`` says what each must do.  ``test_targets.py`` runs them with hypothesis, and
``python -m tests.fuzz`` (``make fuzz``) with atheris, guided by coverage, from ``seeds.py``
and the inputs in ``corpus/``: those that once broke something.
"""

from __future__ import annotations

from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def memory() -> str | None:
    """
    A directory in memory, if there is one.
    """
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
