"""The errors that a user can cause and mend.

    UserError                 exit code 2, printed without a traceback
      ├── SourceError         a file or row that cannot be read
      ├── StoreError          the store is damaged, newer, or lacks what was asked for
      │     └── StoreInUse    another process has it: it can be waited for
      ├── VaultError          the vault is lost, damaged, of another key, or lacks what was asked for
      ├── ConfigError         a value outside what a key allows
      └── MissingPackage      an optional package or model is not installed

Anything else that is raised is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What failed, and beneath it what to do about it.

    `problem` is one line with the value got; `hints` say the values allowed, the key to change or the
    command to run next, one a line.
    """

    def __init__(self, problem: str, *hints: str) -> None:
        super().__init__("\n".join((problem, *hints)))
        self.problem = problem
        self.hints = hints


class SourceError(UserError):
    """A source file is missing, empty, of the wrong kind, or holds too many bad rows."""


class StoreError(UserError):
    """The store cannot be opened or does not hold what was asked for."""


class StoreInUse(StoreError):
    """Another process has the store open for writing."""


class VaultError(UserError):
    """The vault of originals cannot be opened or does not hold what was asked for."""


class ConfigError(UserError):
    """A configuration value is outside its range, or a key does not exist."""


class MissingPackage(UserError):
    """An optional dependency or a model package is not installed."""


def closest(word: str, choices: Iterable[str]) -> str:
    """A hint such as "did you mean 'threshold'? (allowed: a, b, c)" for a mistyped `word`."""
    allowed = sorted(choices)
    near = difflib.get_close_matches(word, allowed, n=1, cutoff=0.6)
    listing = ", ".join(allowed[:30]) + (" ..." if len(allowed) > 30 else "")
    return (f"did you mean '{near[0]}'? " if near else "") + f"(allowed: {listing})"
