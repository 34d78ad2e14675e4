"""Commands in hints, spelt as this user has to type them: started the same way, on the same store."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from data.errors import UserError

DEFAULT_STORE = "runs/warehouse.duckdb"
_COMMAND = re.compile(r"python -m (curation\.desk(?: [a-z]+)?|curation|audit|train|eval|data)(?![\w.])")
# Keys that hints name, and the options of `python -m data` that stand for them.
_OPTIONS = {
    "pii.key_file=": "--key-file ",
    "pii.vault=": "--vault ",
    "store.path=": "--store ",
    "out=FOLDER": "--out FOLDER",
}
_NAMED = re.compile(r" '?(store\.path=|--store )")


def default_store() -> str:
    """The store that is used where none is named."""
    return os.environ.get("TUNEPROOF_STORE", DEFAULT_STORE)


def started_as() -> str:
    """What stands before a command's name: `tuneproof` where the console script was called, else `python -m`."""
    script = sys.orig_argv[1:2]
    return "tuneproof" if script and Path(script[0]).stem == "tuneproof" else "python -m"


def spelt(text: str, store: str = "") -> str:
    """`text` with every `python -m NAME` as this user types it, naming `store` where it is not the default.

    What names a store already is left as it is: hints may be spelt where they are made and again where they are shown.
    """
    other = store if store and store != default_store() else ""

    def one(found: re.Match[str]) -> str:
        name = found.group(1)
        if started_as() == "tuneproof":
            name = name.replace("curation.desk", "desk")
        key = ["--store", other] if name == "data" else [f"store.path={other}"]
        named = _NAMED.match(text, found.end()) is not None
        return " ".join(
            [started_as(), *name.split(), *(shlex.quote(word) for word in key if other and not named)]
        )

    return _COMMAND.sub(one, text)


def as_options(error: UserError) -> UserError:
    """`error` with its hints in the words of `python -m data`, which has options and no keys.

    What stands in a command is left as it is: that may be another one.
    """
    return type(error)(error.problem, *(_with_options(hint) for hint in error.hints))


def _with_options(hint: str) -> str:
    said, command, rest = hint.partition("python -m ")
    for key, option in _OPTIONS.items():
        said = re.sub(rf"(?<![\w.]){re.escape(key)}", option, said)
    return said + command + rest
