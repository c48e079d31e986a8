"""
The block protocol as bytes: hexadecimal in, meaning out.  For anyone who writes a client or server.

``python -m tests.vectors.make`` writes the files anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def load(name: str) -> Any:
    """
    The content of ``name``.json.
    """
    return json.loads((HERE / f"{name}.json").read_text())
