"""
Settings of a daemon: one TOML file, one frozen value, checked whole before anything starts.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


class SettingsError(Exception):
    """
    The file can't be used; ``str()`` is one line for the operator, naming the file and the key.
    """


def load(path: str | Path, kind: type[T]) -> T:
    """
    The settings in the TOML file at ``path`` as a value of ``kind``.

    Raises SettingsError for a missing or unreadable file, bad TOML, an unknown key or a wrong type.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 text") from error
    try:
        return msgspec.convert(tomllib.loads(text), kind)
    except (ValueError, RecursionError) as error:  # endless numbers and tables are no TOML errors
        raise SettingsError(f"{path}: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
