"""
The extensions that hold here, in whole: each file beside this has some.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.http.parts import merged

EXTENSIONS: dict[str, dict[str, Any]] = merged(__name__, "EXTENSIONS")
